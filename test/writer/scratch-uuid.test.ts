import { expect, it, describe } from 'vitest'
import { eq } from '../../src/expression/expression.js'
import { snapshotChanges } from '../../src/writer/snapshot-change.js'
import { currentSchema, defaultSpec } from '../../src/metadata/lookup.js'
import { openDataWriter } from '../../src/writer/data-writer.js'
import { fileNaming } from '../../src/writer/file-location.js'
import { createTestTable } from './test-lake.js'
const FIELDS = [{ id: 1, name: 'u', required: false, type: { kind: 'uuid' } }, { id: 2, name: 'v', required: false, type: { kind: 'int' } }] as const
const U = (first: number) => Uint8Array.from({ length: 16 }, (_, i) => (i === 0 ? first : i === 8 ? 0x80 : i))
describe('uuid', () => {
  it('upsert', async () => {
    const table = await createTestTable({ fields: FIELDS })
    const { metadata } = await table.load()
    const w = openDataWriter({ io: table.io, metadata, schema: currentSchema(metadata), spec: defaultSpec(metadata), naming: fileNaming(metadata, { operationUuid: table.runtime.uuid() }) })
    await w.write(table.batch([[U(0x10), 1], [U(0x90), 2], [U(0x30), 3], [U(0xf0), 4]]))
    const [file] = await w.close()
    const java = { ...file!, lowerBounds: new Map([[1, U(0x90)]]), upperBounds: new Map([[1, U(0x30)]]) }
    const s = snapshotChanges(table.io, table)
    await table.commit((b, a) => s.produce(b, a, { changes: { addedDataFiles: [java], addedDeleteFiles: [], removedFiles: [] }, written: [] }))
    await table.upsert([[U(0x10), 11]], ['u'])
    expect((await table.rows()).map(r => r[1]).sort()).toEqual([11, 2, 3, 4])
  })
})
