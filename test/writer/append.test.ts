import { describe, expect, it } from 'vitest'
import { failingCatalog } from '../../src/catalog/failing.js'
import { commitTables } from '../../src/commit/commit-loop.js'
import type { DataFile } from '../../src/manifest/content-file.js'
import { currentSchema, currentSnapshot, defaultSpec } from '../../src/metadata/lookup.js'
import type { Field } from '../../src/schema/types.js'
import { appendAction, discardFiles } from '../../src/writer/append.js'
import { openDataWriter } from '../../src/writer/data-writer.js'
import { fileNaming } from '../../src/writer/file-location.js'
import { upsertChanges } from '../../src/writer/keyed-changes.js'
import { keyedWriteAction } from '../../src/writer/keyed-write.js'
import { commitRaced, createTestTable, refusal, sorted, type TestTable } from './test-lake.js'

const FIELDS: readonly Field[] = [{ id: 1, name: 'id', required: true, type: { kind: 'long' } }]

async function filesFor(table: TestTable, ids: readonly bigint[]): Promise<readonly DataFile[]> {
  const { metadata } = await table.load()
  const writer = openDataWriter({
    io: table.io,
    metadata,
    schema: currentSchema(metadata),
    spec: defaultSpec(metadata),
    naming: fileNaming(metadata, { operationUuid: table.runtime.uuid() }),
  })
  await writer.write(table.batch(ids.map(id => [id])))
  return writer.close()
}

describe('an append', () => {
  it('lands on a moved base with the same files and snapshot id', async () => {
    const table = await createTestTable({ fields: FIELDS })
    const files = await filesFor(table, [1n])
    const action = appendAction(table.io, files, { ...table, summary: { 'my-job': '7' } })
    const { attempts } = await commitRaced(table, action, () => table.append([[2n]]))
    expect(attempts).toBe(2)
    expect(sorted(await table.rows())).toEqual(sorted([[1n], [2n]]))
    const { metadata } = await table.load()
    expect(metadata.snapshots).toHaveLength(2)
    expect(currentSnapshot(metadata)).toMatchObject({ operation: 'append', summary: { 'my-job': '7' } })
    expect(await table.dataFiles()).toHaveLength(2)
  })

  it('goes to a branch and leaves main alone', async () => {
    const table = await createTestTable({ fields: FIELDS })
    await table.append([[1n]])
    await table.commit(appendAction(table.io, await filesFor(table, [2n]), { ...table, ref: 'audit' }))
    expect(await table.rows()).toEqual([[1n]])
    const { refs, currentSnapshotId } = (await table.load()).metadata
    expect(refs.audit?.snapshotId).not.toBe(currentSnapshotId)
  })

  it('has its files deleted after a refusal, but not while it may have landed', async () => {
    for (const fate of ['refused', 'unknown'] as const) {
      const table = await createTestTable({ fields: FIELDS })
      const files = await filesFor(table, [1n])
      const catalog = failingCatalog(table.catalog, ({ verb, phase }) => {
        if (phase === 'before' && (verb === 'commit' || verb === 'settle') && fate === 'unknown')
          return 'lost'
        return undefined
      })
      const { io, runtime, identifier } = table
      const action =
        fate === 'unknown' ? appendAction(io, files, table) : appendAction(io, files.map(strange), table)
      const target = { identifier, action, discard: () => discardFiles(io, files) }
      const { kind } = await refusal(commitTables(catalog, [target], { io, runtime }))
      expect(kind).toBe(fate === 'unknown' ? 'commit-state-unknown' : 'conflict')
      expect(await table.dataFiles()).toHaveLength(fate === 'unknown' ? 1 : 0)
    }
  })
})

/** The file as one of a spec that the table does not have. */
function strange(file: DataFile): DataFile {
  return { ...file, specId: 9 }
}

describe('a keyed write whose answer is lost', () => {
  it.each([2, 3] as const)('deletes nothing and lands once (v%i)', async formatVersion => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await table.append([[1n], [2n]])
    const schema = currentSchema((await table.load()).metadata)
    const changes = upsertChanges(table.batch([[2n], [3n]]), { schema, keys: ['id'] })
    let lost = 0
    const catalog = failingCatalog(table.catalog, ({ verb, phase }) =>
      verb === 'commit' && phase === 'after' && lost++ === 0 ? 'lost' : undefined,
    )
    const { io, runtime, identifier } = table
    const action = keyedWriteAction(io, changes, table)
    const result = await commitTables(catalog, [{ identifier, action }], { io, runtime })
    expect(result.changed).toEqual([true])
    expect(sorted(await table.rows())).toEqual(sorted([[1n], [2n], [3n]]))
    expect((await table.load()).metadata.snapshots).toHaveLength(2)
  })

  it('keeps its files when it stays unknown', async () => {
    const table = await createTestTable({ fields: FIELDS })
    await table.append([[1n], [2n]])
    const schema = currentSchema((await table.load()).metadata)
    const changes = upsertChanges(table.batch([[2n]]), { schema, keys: ['id'] })
    const catalog = failingCatalog(table.catalog, ({ verb, phase }) =>
      phase === 'before' && (verb === 'commit' || verb === 'settle') ? 'lost' : undefined,
    )
    const { io, runtime, identifier } = table
    const target = { identifier, action: keyedWriteAction(io, changes, table) }
    expect(await refusal(commitTables(catalog, [target], { io, runtime }))).toMatchObject({
      kind: 'commit-state-unknown',
    })
    expect(await table.dataFiles()).toHaveLength(3)
    expect(sorted(await table.rows())).toEqual(sorted([[1n], [2n]]))
  })
})
