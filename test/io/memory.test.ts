import { failingIO } from '../../src/io/failing.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { meteredIO } from '../../src/io/metered.js'
import { relocatedIO } from '../../src/io/relocated.js'
import { fileIoContract } from '../contract/file-io.js'

fileIoContract('memory', async () => ({ io: createMemoryIO(), root: 'memory://lake/t' }))

// The layers obey the contract of what they wrap.
fileIoContract('metered memory', async () => ({
  io: meteredIO(createMemoryIO()).io,
  root: 'memory://lake/t',
}))
fileIoContract('failing memory that never fails', async () => ({
  io: failingIO(createMemoryIO(), () => undefined),
  root: 'memory://lake/t',
}))
fileIoContract('relocated memory', async () => ({
  io: relocatedIO(createMemoryIO(), { from: 's3://old/warehouse/', to: 'memory://new' }),
  root: 's3://old/warehouse/t',
}))
