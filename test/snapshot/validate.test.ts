/** What others did is found by state, and told apart by history: the cases that the conflict table's own test does not meet. */
import { beforeEach, describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import { openLake, type Table } from '../../src/index.js'
import { currentSchema, currentSnapshot } from '../../src/metadata/lookup.js'
import type { Field, Schema } from '../../src/schema/types.js'
import { checkRowsFit } from '../../src/snapshot/validate.js'
import { createTestTable, refusal, type TestTable } from '../writer/test-lake.js'

const FIELDS: readonly Field[] = [
  { id: 1, name: 'id', required: true, type: { kind: 'long' } },
  { id: 2, name: 'part', required: false, type: { kind: 'string' } },
]

let test: TestTable
let table: Table
beforeEach(async () => {
  test = await createTestTable({
    fields: FIELDS,
    partitionFields: [{ sourceId: 2, name: 'part', transform: { kind: 'identity' } }],
    properties: { 'write.delete.mode': 'merge-on-read' },
  })
  table = openLake(test).table(test.identifier)
})

const at = (part: string | null, ...ids: readonly number[]) => ids.map(id => ({ id, part }))
const head = async (): Promise<bigint> => currentSnapshot((await test.load()).metadata)?.snapshotId ?? 0n
const expireOld = async (): Promise<void> => {
  await systemRuntime.sleep(3)
  await table.expire({ olderThanMs: systemRuntime.nowMs(), retainLast: 1 })
}
/** The rule by which an overwrite of `where` is refused when it was decided on `basedOn`; undefined: it is done. */
async function refusedBy(where: string, basedOn: bigint): Promise<unknown> {
  const { kind, context } = await refusal(table.overwrite(at('a', 99), { where, basedOn }))
  expect([undefined, 'conflict']).toContain(kind)
  return (context as { rule?: string } | undefined)?.rule
}

describe('a change', () => {
  it('that was undone is none', async () => {
    await table.append(at('a', 1))
    const basis = await head()
    await table.append(at('a', 2))
    await table.rollback({ to: basis })
    expect(await refusedBy("part = 'a'", basis)).toBeUndefined()
  })

  it('of rows that the condition cannot be true of is none', async () => {
    await table.append(at('a', 1, 2))
    const basis = await head()
    await table.append(at('a', 50, 60))
    await table.delete('id = 60')
    expect(await refusedBy("part = 'a' and id < 10", basis)).toBeUndefined()
    expect(await refusedBy("part = 'a' and id > 10", basis)).toBe('overwrite-filter, data-added')
  })

  it('of a null partition is found by a condition on null', async () => {
    await table.append([...at(null, 1), ...at('a', 2)])
    const basis = await head()
    await table.append(at(null, 3))
    expect(await refusedBy("part = 'a'", basis)).toBeUndefined()
    expect(await refusedBy('part is null', basis)).toBe('overwrite-filter, data-added')
  })

  it('in files of a changed spec is found', async () => {
    await table.append(at('a', 1))
    const basis = await head()
    await table.alter('drop partition field part')
    await table.append(at('a', 2))
    expect(await refusedBy("part = 'b'", basis)).toBeUndefined()
    expect(await refusedBy("part = 'a'", basis)).toBe('overwrite-filter, data-added')
    const byPartition = table.overwrite(at('a', 9), { partitions: true, basedOn: basis })
    expect(await refusal(byPartition)).toMatchObject({ kind: 'conflict' })
  })

  it('hidden by a compaction is found, and a compaction alone is none', async () => {
    await table.append(at('a', 1))
    await table.append(at('a', 2))
    const basis = await head()
    await table.compact({ rewriteAll: true })
    const compacted = await head()
    await table.append(at('a', 3))
    await table.compact({ rewriteAll: true })
    expect(await refusedBy("part = 'a'", basis)).toBe('overwrite-filter, data-added')
    expect(await refusedBy("part = 'a'", compacted)).toBe('overwrite-filter, data-added')
    await table.rollback({ to: compacted })
    expect(await refusedBy("part = 'a'", basis)).toBeUndefined()
  })

  it('of deletes hidden by a compaction is found', async () => {
    await table.append(at('a', 1, 2, 3))
    const basis = await head()
    await table.delete('id = 2')
    await table.compact({ rewriteAll: true })
    expect(await refusedBy("part = 'a'", basis)).toBe('overwrite-filter, rows-deleted')
  })

  it('of deletes from a file that a compaction made meanwhile is found, also when that one is compacted again', async () => {
    await table.append(at('a', 1, 2, 3))
    await table.append(at('b', 1, 2))
    const basis = await head()
    await table.compact({ rewriteAll: true })
    await table.delete("part = 'a' and id = 2")
    expect(await refusedBy("part = 'a'", basis)).toBe('overwrite-filter, rows-deleted')
    await table.compact({ rewriteAll: true })
    expect(await refusedBy("part = 'a'", basis)).toBe('overwrite-filter, rows-deleted')
    expect(await refusedBy("part = 'b'", basis)).toBeUndefined()
  })

  it('of deletes is none for files that the condition leaves out', async () => {
    await table.append(at('a', 1, 2))
    await table.append(at('a', 50, 51))
    const basis = await head()
    await table.delete('id = 51')
    expect(await refusedBy("part = 'a' and id < 10", basis)).toBeUndefined()
    expect(await refusedBy("part = 'a'", basis)).toBe('overwrite-filter, data-added')
  })

  it('is found after the snapshots between were expired', async () => {
    await table.append(at('a', 1))
    const basis = await head()
    await table.createTag('kept', { snapshotId: basis })
    await table.append(at('a', 2))
    await table.append(at('b', 3))
    await expireOld()
    expect((await table.snapshots()).map(({ snapshotId }) => snapshotId)).toEqual([basis, await head()])
    expect(await refusedBy("part = 'b' and id > 5", basis)).toBeUndefined()
    expect(await refusedBy("part = 'a' and id < 90", basis)).toBe('overwrite-filter, data-added')
  })
})

describe('what was decided on', () => {
  it('is a conflict when it was expired, since nobody can tell what changed', async () => {
    await table.append(at('a', 1))
    const basis = await head()
    await table.append(at('b', 2))
    await expireOld()
    expect(await refusal(table.overwrite(at('a', 9), { where: "part = 'a'", basedOn: basis }))).toMatchObject(
      {
        kind: 'conflict',
        context: { basedOn: basis },
      },
    )
  })

  it('is the branch that is written', async () => {
    await table.append(at('a', 1))
    await table.createBranch('audit')
    const basis = await head()
    await table.append(at('a', 2))
    const where = "part = 'a'"
    await table.overwrite(at('a', 3), { where, basedOn: basis, branch: 'audit' })
    expect(await refusal(table.overwrite(at('a', 3), { where, basedOn: basis }))).toMatchObject({
      kind: 'conflict',
    })
  })

  it.each([
    ['delete', (basedOn: bigint) => table.delete("part = 'a'", { basedOn })],
    ['update', (basedOn: bigint) => table.update({ set: 'id = id + 1', where: "part = 'a'" }, { basedOn })],
    ['upsert', (basedOn: bigint) => table.upsert(at('a', 2), { keys: ['id'], basedOn })],
    ['merge', (basedOn: bigint) => table.merge(at('a', 2), { keys: ['id'], basedOn })],
  ])('holds a %s, which else would look again', async (operation, write) => {
    await table.append(at('a', 1))
    const basis = await head()
    await table.append(at('a', 2))
    expect(await refusal(write(basis))).toMatchObject({
      kind: 'conflict',
      context: { rule: `${operation}, data-added` },
    })
    await table.append(at('b', 100))
    await write(await head())
  })

  it('leaves keys alone that no new file can hold', async () => {
    await table.append(at('a', 1, 5, 9))
    const basis = await head()
    await table.append(at('a', 20, 30))
    await table.upsert(at('a', 5), { keys: ['id'], basedOn: basis })
  })
})

describe('rows that were written', () => {
  const schema = (...fields: readonly Field[]): Schema => ({
    schemaId: fields.length,
    fields,
    identifierFieldIds: [],
  })
  const int = (id: number, required: boolean): Field => ({
    id,
    name: `f${id}`,
    required,
    type: { kind: 'int' },
  })
  const struct = (id: number, ...fields: readonly Field[]): Field => ({
    id,
    name: `f${id}`,
    required: true,
    type: { kind: 'struct', fields },
  })

  it('do not fit when a column became required, in a struct too', () => {
    const refused = (now: Schema, written: Schema): boolean => {
      try {
        checkRowsFit(written, { ...now, schemaId: 7 })
        return false
      } catch {
        return true
      }
    }
    expect(refused(schema(int(1, true)), schema(int(1, false)))).toBe(true)
    expect(refused(schema(struct(2, int(1, true))), schema(struct(2, int(1, false))))).toBe(true)
    expect(refused(schema(int(1, false), int(3, true)), schema(int(1, true)))).toBe(false)
    expect(refused(schema(int(1, false)), schema(int(1, false), int(2, true)))).toBe(false)
  })

  it('fit their own schema', async () => {
    const own = currentSchema((await test.load()).metadata)
    expect(() => checkRowsFit(own, own)).not.toThrow()
  })
})
