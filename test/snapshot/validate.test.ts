import { beforeEach, describe, expect, it } from 'vitest'
import type { LoadedTable } from '../../src/catalog/catalog.js'
import { bind } from '../../src/expression/bind.js'
import type { Expression } from '../../src/expression/expression.js'
import type { DataFile, ManifestEntry } from '../../src/manifest/content-file.js'
import type { EntryOf } from '../../src/manifest/delete-index.js'
import { currentSchema, currentSnapshot } from '../../src/metadata/lookup.js'
import { diffFiles } from '../../src/snapshot/changes.js'
import {
  CONFLICT_RULES,
  type ConflictRule,
  type ValidationOptions,
  validateNoConflicts,
} from '../../src/snapshot/validate.js'
import {
  bareName,
  commitFiles,
  createTable,
  createWorld,
  dataFile,
  deletionVector,
  liveEntries,
  positionDeletes,
  type World,
} from './world.js'

let world: World
beforeEach(async () => {
  world = await createWorld()
})

const EU: Expression = { op: 'eq', column: 'region', literal: { kind: 'string', text: 'eu' } }

async function entryOf(table: LoadedTable, file: DataFile): Promise<EntryOf<DataFile>> {
  const entries = await liveEntries(world.io, table.metadata, currentSnapshot(table.metadata))
  const found = entries.find(entry => entry.file.location === file.location)
  if (found === undefined) throw new Error('the file is not live')
  return { ...found, file }
}

async function broken(
  then: LoadedTable,
  now: LoadedTable,
  options: ValidationOptions,
): Promise<string | undefined> {
  try {
    await validateNoConflicts(then.metadata, now.metadata, world.io, options)
    return undefined
  } catch (error) {
    expect(error).toMatchObject({ kind: 'conflict' })
    return (error as { context: { rule?: string } }).context.rule ?? 'history'
  }
}

const ALL: readonly ConflictRule[] = [
  'files-live',
  'files-not-rewritten',
  'no-new-deletes',
  'no-new-vectors',
  'no-new-rows',
]

describe('conflict rules', () => {
  it('are broken by nothing when nothing happened', async () => {
    const base = await createTable(world)
    expect(await broken(base, base, { rules: ALL })).toBeUndefined()
  })

  it('let an append land beside anything', () => {
    expect(CONFLICT_RULES.append).toEqual({ snapshot: [], serializable: [] })
  })

  it('refuse a removed file, whoever removed it', async () => {
    await createTable(world)
    const a = await dataFile(world, 'a')
    const then = await commitFiles(world, { addedDataFiles: [a, await dataFile(world, 'b')] })
    const files = [await entryOf(then, a)]
    const deleted = await commitFiles(world, { removedFiles: [a] })
    expect(await broken(then, deleted, { rules: ['files-live'], files })).toBe('files-live')
    expect(await broken(then, deleted, { rules: ['files-not-rewritten'], files })).toBeUndefined()

    const again = await commitFiles(world, { addedDataFiles: [a] })
    expect(await broken(then, again, { rules: ['files-live'], files })).toBe('files-live')
  })

  it('count a rewrite as removal even for plain deletes', async () => {
    await createTable(world)
    const a = await dataFile(world, 'a')
    const then = await commitFiles(world, { addedDataFiles: [a] })
    const files = [await entryOf(then, a)]
    const now = await commitFiles(world, {
      operation: 'replace',
      removedFiles: [a],
      addedDataFiles: [await dataFile(world, 'a2')],
    })
    expect(await broken(then, now, { rules: CONFLICT_RULES.delete.snapshot, files })).toBe(
      'files-not-rewritten',
    )
  })

  it('do not mind a manifest that was rewritten around a live file', async () => {
    await createTable(world)
    const [a, b] = [await dataFile(world, 'a'), await dataFile(world, 'b')]
    const then = await commitFiles(world, { addedDataFiles: [a, b] })
    const now = await commitFiles(world, { removedFiles: [b] })
    expect(
      await broken(then, now, { rules: ['files-live'], files: [await entryOf(then, a)] }),
    ).toBeUndefined()
  })

  it('refuse new deletes on the same file only', async () => {
    await createTable(world)
    const [a, b] = [await dataFile(world, 'a'), await dataFile(world, 'b')]
    const then = await commitFiles(world, { addedDataFiles: [a, b] })
    const now = await commitFiles(world, { addedDeleteFiles: [await positionDeletes(world, 'a', a)] })
    const rules = CONFLICT_RULES.rewrite.snapshot
    expect(await broken(then, now, { rules, files: [await entryOf(then, a)] })).toBe('no-new-deletes')
    expect(await broken(then, now, { rules, files: [await entryOf(then, b)] })).toBeUndefined()
    expect(
      await broken(then, now, { rules: ['no-new-vectors'], files: [await entryOf(then, a)] }),
    ).toBeUndefined()
  })

  it('refuse a concurrent deletion vector of the same file', async () => {
    await createTable(world, { formatVersion: 3 })
    const a = await dataFile(world, 'a')
    const then = await commitFiles(world, { addedDataFiles: [a] })
    const now = await commitFiles(world, { addedDeleteFiles: [await deletionVector(world, 'v', a)] })
    const files = [await entryOf(then, a)]
    expect(await broken(then, now, { rules: CONFLICT_RULES.delete.snapshot, files })).toBe('no-new-vectors')
  })

  it('excuse new equality deletes for a rewrite that keeps its sequence number', async () => {
    await createTable(world)
    const a = await dataFile(world, 'a')
    const then = await commitFiles(world, { addedDataFiles: [a] })
    const now = await commitFiles(world, {
      addedDeleteFiles: [
        {
          content: 'equality-deletes',
          location: 'memory://lake/shop/data/e.parquet',
          format: 'parquet',
          specId: 0,
          partition: [],
          recordCount: 1,
          fileSizeBytes: 10,
          equalityFieldIds: [1],
        },
      ],
    })
    const files = [await entryOf(then, a)]
    expect(await broken(then, now, { rules: ['no-new-deletes'], files })).toBe('no-new-deletes')
    expect(
      await broken(then, now, { rules: ['no-new-deletes'], files, keepsSequenceNumber: true }),
    ).toBeUndefined()
  })

  it('refuse a matching append under serializable, and see other partitions as no conflict', async () => {
    const base = await createTable(world, { partitioned: true })
    const filter = bind(EU, currentSchema(base.metadata))
    const rules: readonly ConflictRule[] = ['no-new-rows']
    const us = await commitFiles(world, {
      addedDataFiles: [await dataFile(world, 'us', { partition: ['us'] })],
    })
    expect(await broken(base, us, { rules, filter })).toBeUndefined()
    expect(await broken(base, us, { rules })).toBe('no-new-rows')
    const eu = await commitFiles(world, {
      addedDataFiles: [await dataFile(world, 'eu', { partition: ['eu'] })],
    })
    expect(await broken(base, eu, { rules, filter })).toBe('no-new-rows')
    expect(await broken(us, eu, { rules, filter })).toBe('no-new-rows')
  })

  it('see rows that a compaction moved after they were appended', async () => {
    await createTable(world)
    const a = await dataFile(world, 'a')
    const then = await commitFiles(world, { addedDataFiles: [a] })
    const rules: readonly ConflictRule[] = ['no-new-rows']
    const onlyMoved = await commitFiles(world, {
      operation: 'replace',
      removedFiles: [a],
      addedDataFiles: [await dataFile(world, 'a2')],
    })
    expect(await broken(then, onlyMoved, { rules })).toBeUndefined()
    const b = await dataFile(world, 'b')
    await commitFiles(world, { addedDataFiles: [b] })
    const moved = await commitFiles(world, {
      operation: 'replace',
      removedFiles: [b],
      addedDataFiles: [await dataFile(world, 'b2')],
    })
    expect(await broken(then, moved, { rules })).toBe('no-new-rows')
  })

  it('count everything as new for an operation that began on an empty table', async () => {
    const base = await createTable(world)
    const now = await commitFiles(world, { addedDataFiles: [await dataFile(world, 'a')] })
    expect(await broken(base, now, { rules: ['no-new-rows'] })).toBe('no-new-rows')
  })

  it('refuse when the state that the operation began on is gone', async () => {
    await createTable(world)
    const a = await dataFile(world, 'a')
    const then = await commitFiles(world, { addedDataFiles: [a] })
    const files = [await entryOf(then, a)]
    const now = await commitFiles(world, { addedDataFiles: [await dataFile(world, 'b')] })
    await world.io.delete([currentSnapshot(then.metadata)?.manifestList ?? ''])
    expect(await broken(then, now, { rules: ['files-live'], files })).toBe('history')
  })
})

describe('diffFiles', () => {
  it('is exact by state, also across a rollback', async () => {
    await createTable(world)
    const [a, b, c] = [await dataFile(world, 'a'), await dataFile(world, 'b'), await dataFile(world, 'c')]
    const first = await commitFiles(world, { addedDataFiles: [a, b] })
    const second = await commitFiles(world, { removedFiles: [a], addedDataFiles: [c] })
    const names = (entries: readonly ManifestEntry[]): string[] =>
      entries.map(entry => bareName(entry.file.location)).sort()
    const diff = (from: LoadedTable, to: LoadedTable) =>
      diffFiles(
        world.io,
        {
          before: currentSnapshot(from.metadata),
          after: currentSnapshot(to.metadata),
          metadata: second.metadata,
        },
        { content: 'data' },
      )
    const forth = await diff(first, second)
    expect([names(forth.added), names(forth.removed)]).toEqual([['c'], ['a']])
    const back = await diff(second, first)
    expect([names(back.added), names(back.removed)]).toEqual([['a'], ['c']])
  })
})
