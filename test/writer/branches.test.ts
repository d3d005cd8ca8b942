/** Random writes, moves and merges of branches against a model that keeps the rows of every snapshot. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Table } from '../../src/index.js'
import { type MemoryLake, openMemoryLake, rowsOf } from '../lake/memory-lake.js'
import { seededRandom } from '../snapshot/world.js'
import { rejectionOf } from '../support/errors.js'

type Rows = ReadonlyMap<number, number>

let there: MemoryLake
beforeAll(async () => {
  there = await openMemoryLake()
})
afterAll(() => there.close())

/** What is known of a snapshot: its rows, and where it came from. */
interface Known {
  readonly rows: Rows
  readonly parent: bigint | undefined
}

const BRANCHES = ['main', 'audit', 'other'] as const
const STEPS = 24

async function play(seed: number, formatVersion: 2 | 3): Promise<void> {
  const random = seededRandom(seed)
  const below = (count: number): number => Math.floor(random() * count)
  const chosen = <T>(items: readonly T[]): T => items[below(items.length)] as T
  const table = await there.lake.createTable(`play.v${formatVersion}s${seed}`, 'id bigint not null, v int', {
    keys: ['id'],
    formatVersion,
    partitionBy: seed % 2 === 0 ? ['bucket(2, id)'] : [],
  })
  const known = new Map<bigint, Known>()
  const heads = new Map<string, bigint>()

  const headOf = (branch: string): bigint | undefined => heads.get(branch) ?? heads.get('main')
  const rowsAt = (id: bigint | undefined): Rows =>
    (id === undefined ? new Map() : known.get(id)?.rows) ?? new Map()
  const isBefore = (id: bigint, of: bigint): boolean => {
    for (let at: bigint | undefined = of; at !== undefined; at = known.get(at)?.parent)
      if (at === id) return true
    return false
  }
  const note = (
    branch: string,
    report: { snapshotId: bigint | undefined; changed: boolean },
    rows: Rows,
  ): void => {
    if (!report.changed || report.snapshotId === undefined) return
    known.set(report.snapshotId, { rows, parent: headOf(branch) })
    heads.set(branch, report.snapshotId)
  }

  const write = async (branch: string): Promise<void> => {
    const before = rowsAt(headOf(branch))
    const after = new Map(before)
    if (random() < 0.35) {
      const limit = below(12)
      for (const id of before.keys()) if (id < limit) after.delete(id)
      note(branch, await table.delete(`id < ${limit}`, { branch }), after)
      return
    }
    const ids = [...new Set(Array.from({ length: 1 + below(4) }, () => below(12)))]
    const rows = ids.map(id => ({ id, v: below(1000) }))
    for (const { id, v } of rows) after.set(id, v)
    note(branch, await table.upsert(rows, { branch }), after)
  }

  const forward = async (): Promise<void> => {
    const [from, to] = [chosen(BRANCHES), chosen(BRANCHES)]
    const [head, target] = [heads.get(from), heads.get(to)]
    const moved = table.fastForward(from, to)
    if (target === undefined || (head !== undefined && !isBefore(head, target))) {
      expect((await rejectionOf(moved))?.kind).toBe(target === undefined ? 'not-found' : 'invalid-argument')
      return
    }
    await moved
    heads.set(from, target)
  }

  const back = async (branch: string): Promise<void> => {
    const to = chosen([...known.keys()])
    const head = heads.get(branch)
    const moved = table.rollback({ to, branch })
    if (head === undefined || !isBefore(to, head)) {
      expect((await rejectionOf(moved))?.kind).toBe(head === undefined ? 'not-found' : 'invalid-argument')
      return
    }
    await moved
    heads.set(branch, to)
  }

  for (let step = 0; step < STEPS; step++) {
    const what = random()
    if (known.size === 0 || what < 0.65) await write(chosen(BRANCHES))
    else if (what < 0.8) await forward()
    else if (what < 0.93) await back(chosen(BRANCHES))
    else await table.compact({ rewriteAll: true }).then(() => followCompaction())
    expect(await headsOf(table)).toEqual(Object.fromEntries(heads))
  }
  for (const [branch, head] of heads)
    expect(await rowsOf(table.scan({ asOf: { ref: branch } }))).toEqual(sorted(rowsAt(head)))
  for (const [id, { rows }] of known) expect(await rowsOf(table.at(id).scan())).toEqual(sorted(rows))

  /** A compaction of main keeps its rows under a new snapshot. */
  async function followCompaction(): Promise<void> {
    const head = (await table.refs()).main?.snapshotId
    if (head !== undefined && head !== heads.get('main')) {
      known.set(head, { rows: rowsAt(heads.get('main')), parent: heads.get('main') })
      heads.set('main', head)
    }
  }
}

async function headsOf(table: Table): Promise<Readonly<Record<string, bigint>>> {
  const refs = Object.entries(await table.refs())
  return Object.fromEntries(refs.map(([name, ref]) => [name, ref.snapshotId]))
}

function sorted(rows: Rows): unknown[] {
  const all = [...rows].map(([id, v]) => ({ id, v }))
  return all.sort((x, y) => (JSON.stringify(x) < JSON.stringify(y) ? -1 : 1))
}

describe.each([2, 3] as const)('branches of a v%i table', formatVersion => {
  it.each([1, 2, 3, 4])('hold what was written to each of them, with seed %i', seed =>
    play(seed, formatVersion))
})
