import { describe, it } from 'vitest'
import { expectNoFaults, inputCount } from './fuzz-report.js'

describe('broken metadata, manifests, avro data, puffin files and bitmaps', () => {
  it('end as values or as an error of kind corrupt or unsupported', { timeout: 1_200_000 }, () => {
    expectNoFaults('./tables.mjs', inputCount(3_000))
  })
})
