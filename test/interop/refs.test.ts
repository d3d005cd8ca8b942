/**
 * Branches, tags, rollbacks, staged writes and clones of serac's, as Spark and PyIceberg read them: the rows of every
 * ref and snapshot, and what their metadata tables say of refs and history.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, type Lake, type Table } from '../../src/index.js'
import { askAll, askParquet, judgeIsHere } from '../judges/judge.js'

interface Asked {
  readonly title: string
  readonly table: Table
  readonly asOf: string | bigint | undefined
}

describe.skipIf(!judgeIsHere('spark') && !judgeIsHere('pyiceberg')).each([2, 3] as const)(
  'refs of a v%i table',
  formatVersion => {
    let cwd: string
    let lake: Lake
    let table: Table
    let clone: Table
    const asked: Asked[] = []

    beforeAll(async () => {
      cwd = await mkdtemp(join(tmpdir(), 'serac-refs-'))
      lake = await connect({ baseFolder: cwd, fsync: false })
      table = await lake.createTable('shop.t', 'id bigint not null, v string', {
        keys: ['id'],
        formatVersion,
        properties: { 'write.wap.enabled': 'true' },
      })
      const rows = (from: number, to: number, v: string) =>
        Array.from({ length: to - from }, (_, index) => ({ id: from + index, v }))
      const first = await table.append(rows(0, 6, 'first'))
      await table.createTag('v1', { retention: { maxRefAgeMs: 86_400_000_000 } })
      const bad = await table.delete('id > 1')
      await table.rollback({ to: first.snapshotId as bigint })
      await table.upsert(rows(4, 8, 'audited'), { branch: 'audit' })
      await table.delete('id = 0', { branch: 'audit' })
      await table.createBranch('kept', { retention: { minSnapshotsToKeep: 4, maxSnapshotAgeMs: 60_000 } })
      const staged = await table.append(rows(20, 22, 'staged'), { wapId: 'job-1' })
      const unpublished = await table.append(rows(30, 31, 'never'), { wapId: 'job-2' })
      await table.append(rows(10, 12, 'main'))
      await table.publish('job-1')
      clone = await lake.cloneTable('shop.t', 'copies.t')
      await clone.upsert(rows(0, 2, 'cloned'))
      for (const asOf of ['v1', 'audit', 'kept', undefined])
        asked.push({ title: asOf ?? 'main', table, asOf })
      for (const { snapshotId } of [bad, staged, unpublished])
        asked.push({ title: `snapshot ${snapshotId}`, table, asOf: snapshotId })
      asked.push({ title: 'the clone', table: clone, asOf: undefined })
    })
    afterAll(async () => {
      await lake.close()
      await rm(cwd, { recursive: true, force: true })
    })

    const ownRows = async ({ table: from, asOf }: Asked): Promise<string[]> => {
      const found: string[] = []
      for await (const { id, v } of from.scan({ asOf }).rows()) found.push(JSON.stringify([String(id), v]))
      return found.sort()
    }
    const locationOf = async (of: Table): Promise<string> => (await of.load()).metadataLocation

    it.skipIf(!judgeIsHere('pyiceberg'))(
      'are read alike by PyIceberg',
      async () => {
        const requests = await Promise.all(
          asked.map(async ({ table: from, asOf }) => {
            const at =
              typeof asOf === 'bigint'
                ? ['--snapshot', String(asOf)]
                : asOf === undefined
                  ? []
                  : ['--ref', asOf]
            return { args: ['read', await locationOf(from), ...at] }
          }),
        )
        const answers = await askAll('pyiceberg', requests)
        for (const [index, each] of asked.entries()) {
          const rows = answers[index]?.rows?.map(row => JSON.stringify(row)).sort()
          expect(rows, `${each.title}: ${answers[index]?.message}`).toEqual(await ownRows(each))
        }
        const { metadata } = await table.load()
        expect(answers[0]?.refs).toEqual(
          Object.fromEntries(
            Object.entries(metadata.refs).map(([name, ref]) => [
              name,
              { type: ref.type, snapshot_id: String(ref.snapshotId) },
            ]),
          ),
        )
      },
      120_000,
    )

    it.skipIf(!judgeIsHere('spark'))(
      'are read alike by Spark, with their metadata tables',
      async () => {
        const meta = await locationOf(table)
        const reads = await Promise.all(
          asked.map(async ({ table: from, asOf, title }) => ({
            verb: 'table' as const,
            path: `${await locationOf(from)}${selector(title, asOf)}`,
            expressions: ['id', 'v'],
          })),
        )
        const inspect = (name: string, expressions: readonly string[]) => ({
          verb: 'table' as const,
          path: `${meta}#${name}`,
          expressions,
        })
        const answers = await askParquet('spark', [
          ...reads,
          inspect('refs', [
            'name',
            'type',
            'snapshot_id',
            'max_reference_age_in_ms',
            'min_snapshots_to_keep',
            'max_snapshot_age_in_ms',
          ]),
          inspect('history', ['snapshot_id', 'is_current_ancestor']),
          inspect('snapshots', ['snapshot_id', 'operation']),
        ])
        for (const [index, each] of asked.entries())
          expect(answers[index]?.rows, `${each.title}: ${answers[index]?.message}`).toEqual(
            await ownRows(each),
          )
        const { metadata } = await table.load()
        const [refs, history, snapshots] = answers.slice(asked.length)
        const long = (value: number | bigint | undefined): string | null =>
          value === undefined ? null : String(value)
        expect(refs?.rows).toEqual(
          Object.entries(metadata.refs)
            .map(([name, ref]) =>
              JSON.stringify([
                name,
                ref.type.toUpperCase(),
                long(ref.snapshotId),
                long(ref.maxRefAgeMs),
                ref.minSnapshotsToKeep ?? null,
                long(ref.maxSnapshotAgeMs),
              ]),
            )
            .sort(),
        )
        const line = new Set<bigint>()
        for (let at = metadata.currentSnapshotId; at !== undefined; ) {
          line.add(at)
          at = metadata.snapshots.find(each => each.snapshotId === at)?.parentSnapshotId
        }
        expect(history?.rows).toEqual(
          metadata.snapshotLog
            .map(({ snapshotId }) => JSON.stringify([long(snapshotId), line.has(snapshotId)]))
            .sort(),
        )
        expect(snapshots?.rows).toEqual(
          metadata.snapshots
            .map(({ snapshotId, operation }) => JSON.stringify([long(snapshotId), operation]))
            .sort(),
        )
      },
      180_000,
    )
  },
)

/** How Spark is asked for a ref or snapshot of a table that is opened by its path. */
function selector(title: string, asOf: string | bigint | undefined): string {
  if (asOf === undefined) return ''
  if (typeof asOf === 'bigint') return `#snapshot_id_${asOf}`
  return title === 'v1' ? `#tag_${asOf}` : `#branch_${asOf}`
}
