/** The S3 store on a stub in this process: the contract and the faults wherever there is no server. */
import { describe } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import { createS3IO } from '../../src/io/s3.js'
import { fileIoContract } from '../contract/file-io.js'
import { s3FaultSuite } from './s3-faults.js'
import { openS3Stub, stubProperties } from './s3-stub.js'

describe('S3 on a stub', async () => {
  const stub = await openS3Stub()
  let roots = 0
  fileIoContract('S3 on a stub', async () => ({
    io: createS3IO({ properties: stub.properties, runtime: systemRuntime }),
    root: `s3://serac-test/contract/${roots++}`,
  }))
  s3FaultSuite('S3 on a stub', () => ({ endpoint: stub.endpoint, propertiesAt: stubProperties }))
})
