/** Keys are found in files whose uuid bounds and partition summaries an older Java library ordered as signed numbers. */
import { describe, expect, it } from 'vitest'
import { currentSchema, defaultSpec } from '../../src/metadata/lookup.js'
import { openDataWriter } from '../../src/writer/data-writer.js'
import { fileNaming } from '../../src/writer/file-location.js'
import { snapshotChanges } from '../../src/writer/snapshot-change.js'
import { createTestTable, sorted, type TestTable } from './test-lake.js'

const FIELDS = [
  { id: 1, name: 'key', required: false, type: { kind: 'uuid' } },
  { id: 2, name: 'n', required: false, type: { kind: 'int' } },
] as const

function uuid(first: number): Uint8Array {
  return Uint8Array.from({ length: 16 }, (_, index) => (index === 0 ? first : index === 8 ? 0x80 : index))
}

/** One file, with the least and greatest key of signed order as its bounds. */
async function appendAsJava(table: TestTable): Promise<void> {
  const { metadata } = await table.load()
  const schema = currentSchema(metadata)
  const naming = fileNaming(metadata, { operationUuid: table.runtime.uuid() })
  const writer = openDataWriter({ io: table.io, metadata, schema, spec: defaultSpec(metadata), naming })
  await writer.write(table.batch([0x10, 0x90, 0x30, 0xf0].map((first, n) => [uuid(first), n])))
  const bounds = { lowerBounds: new Map([[1, uuid(0x90)]]), upperBounds: new Map([[1, uuid(0x30)]]) }
  const addedDataFiles = (await writer.close()).map(file => ({ ...file, ...bounds }))
  const changes = { addedDataFiles, addedDeleteFiles: [], removedFiles: [] }
  const snapshots = snapshotChanges(table.io, table)
  await table.commit((base, attempt) => snapshots.produce(base, attempt, { changes, written: [] }))
}

describe.each([2, 3] as const)('an upsert by uuid on a v%i table', formatVersion => {
  it.each([0x10, 0x30, 0x90, 0xf0])('replaces the row of key %i, and does not double it', async first => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await appendAsJava(table)
    await table.upsert([[uuid(first), 99]], ['key'])
    const kept = [0x10, 0x90, 0x30, 0xf0].flatMap((each, n) => (each === first ? [] : [[n]]))
    expect(sorted(await table.rows(['n']))).toEqual(sorted([...kept, [99]]))
  })
})
