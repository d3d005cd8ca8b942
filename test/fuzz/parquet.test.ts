import { describe, it } from 'vitest'
import { expectNoFaults, inputCount } from './fuzz-report.js'

describe('broken parquet files', () => {
  it('end as rows or as an error of kind corrupt or unsupported', { timeout: 1_200_000 }, () => {
    expectNoFaults('./parquet.mjs', inputCount(2_000))
  })
})
