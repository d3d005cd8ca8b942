/**
 * What must be true of every commit, looked at right behind it, while every other writer stands still:
 *
 *   history   a snapshot's parent is where its branch stood; no other ref moved; rollbacks and fast-forwards stay in line
 *   rows      the snapshot holds what its step makes of its parent's rows, by scan, by filtered scan, by count
 *   changes   its changelog leads from its parent's rows to its own
 *   lineage   v3: rows keep their id for life, and say which commit wrote them last
 */
import { isLakeError } from '../../src/base/errors.js'
import type { Snapshot, Table, TableMetadata } from '../../src/index.js'
import { modelRow } from './do-step.js'
import { COLUMNS, conditionText, holds, type Played, play, type Row } from './rows.js'
import type { ConditionOf, NamedStep, RowStep, Step } from './steps.js'

interface Lineage {
  readonly rowId: bigint
  readonly lastUpdated: bigint
}

/** What the model knows of a snapshot, expired ones too. */
interface KnownSnapshot {
  readonly snapshot: Snapshot
  readonly rows: readonly Row[]
  readonly lineage: ReadonlyMap<bigint, Lineage> | undefined
}

export interface CommitChecker {
  /** Snapshots that landed, by the step that they name. */
  readonly landed: ReadonlyMap<string, number>
  readonly snapshots: number
  /** @throws when something is not as the model says */
  look(metadata: TableMetadata, by: NamedStep | undefined): Promise<void>
  /** The rows of the newest snapshot of a branch. */
  rowsOf(metadata: TableMetadata, ref: string): readonly Row[]
}

const FILTERS: readonly ConditionOf[] = [
  { on: 'id-up-to', value: 3 },
  { on: 'part-not-n-above', value: 1 },
  { on: 'n-null-or-part-null', value: 0 },
  { on: 'id-is', value: 5 },
]

export function createCommitChecker(
  table: Table,
  steps: ReadonlyMap<string, Step>,
  random: () => number,
): CommitChecker {
  const known = new Map<bigint, KnownSnapshot>()
  const landed = new Map<string, number>()
  let before: TableMetadata | undefined

  async function lookAt(metadata: TableMetadata, snapshot: Snapshot): Promise<void> {
    const parent = known.get(snapshot.parentSnapshotId ?? -1n)
    const name = snapshot.summary.step
    if (name !== undefined) landed.set(name, (landed.get(name) ?? 0) + 1)
    const played = playSnapshot(snapshot, parent?.rows ?? [])
    const rows = played.map(({ row }) => row)
    await checkRows(metadata, snapshot, rows)
    await checkChanges(metadata, snapshot, { before: parent?.rows ?? [], after: rows })
    const lineage = await checkLineage(metadata, snapshot, { played, parent: parent?.lineage })
    known.set(snapshot.snapshotId, { snapshot, rows, lineage })
  }

  function playSnapshot(snapshot: Snapshot, rows: readonly Row[]): readonly Played[] {
    const { summary, operation } = snapshot
    const source = summary['source-snapshot-id']
    const name = source === undefined ? summary.step : known.get(BigInt(source))?.snapshot.summary.step
    const step = steps.get(name ?? '')
    if (step === undefined && operation !== 'replace') fail(snapshot, 'a snapshot of no step', summary)
    if (step?.verb === 'transaction') return play(rows, transactionPart(snapshot, step))
    if (step?.verb === 'stage') return play(rows, { verb: 'append', ref: step.ref, rows: step.rows })
    return play(rows, step ?? { verb: 'compact', ref: 'main', maxCommits: 1 })
  }

  /** Every snapshot of a transaction is of one step of it. */
  function transactionPart(snapshot: Snapshot, step: Extract<Step, { verb: 'transaction' }>): Step {
    const at = Number(snapshot.summary['step-at'] ?? Number.NaN)
    const inner = step.steps[at]
    if (inner === undefined) return fail(snapshot, 'a snapshot of no step of a transaction', snapshot.summary)
    return { ...inner, ref: step.ref }
  }

  /** All of its steps together: one that left no snapshot had nothing to change. */
  function checkWhole(metadata: TableMetadata, step: Step, first: Snapshot): void {
    const head = known.get(metadata.refs.main?.snapshotId ?? -1n)
    const played = play(known.get(first.parentSnapshotId ?? -1n)?.rows ?? [], step)
    const wanted = played.map(({ row }) => row)
    expectRows(head?.snapshot ?? first, 'all of a transaction', head?.rows ?? [], wanted)
  }

  async function checkRows(metadata: TableMetadata, snapshot: Snapshot, rows: readonly Row[]): Promise<void> {
    const asOf = snapshot.snapshotId
    expectRows(snapshot, 'rows', await readRows({ asOf, select: columnsOf(metadata, snapshot) }), rows)
    const count = await table.scan({ asOf }).count()
    if (count !== rows.length) fail(snapshot, 'the count', { count, rows: rows.length })
    const filter = FILTERS[Math.floor(random() * FILTERS.length)] as ConditionOf
    const request = { asOf, select: columnsOf(metadata, snapshot), where: conditionText(filter) }
    const wanted = rows.filter(row => holds(filter, row) === true)
    expectRows(snapshot, request.where, await readRows(request), wanted)
  }

  async function readRows(request: Parameters<Table['scan']>[0]): Promise<readonly Row[]> {
    const rows: Row[] = []
    for await (const row of table.scan(request).rows()) rows.push(modelRow(row))
    return rows
  }

  async function checkChanges(
    metadata: TableMetadata,
    snapshot: Snapshot,
    rows: { readonly before: readonly Row[]; readonly after: readonly Row[] },
  ): Promise<void> {
    const { parentSnapshotId: from, snapshotId: to } = snapshot
    if (random() > 0.5 || metadata.snapshots.every(({ snapshotId }) => snapshotId !== from)) return
    const mode = random() < 0.5 ? 'net' : 'raw'
    const select = [...columnsOf(metadata, snapshot), '_change_type']
    const counts = new Map<string, number>()
    const count = (row: Row, by: number): void => {
      const key = rowText(row)
      counts.set(key, (counts.get(key) ?? 0) + by)
    }
    for (const row of rows.before) count(row, 1)
    for (const row of rows.after) count(row, -1)
    for await (const change of table.changes({ from, to, mode, select }).rows())
      count(modelRow(change), change._change_type === 'INSERT' ? 1 : -1)
    const wrong = [...counts].filter(([, rest]) => rest !== 0)
    if (wrong.length > 0) fail(snapshot, `the ${mode} changes`, wrong)
  }

  async function checkLineage(
    metadata: TableMetadata,
    snapshot: Snapshot,
    given: { readonly played: readonly Played[]; readonly parent: KnownSnapshot['lineage'] },
  ): Promise<KnownSnapshot['lineage']> {
    const { firstRowId, snapshotId: asOf, sequenceNumber } = snapshot
    if (firstRowId === undefined) return undefined
    const lineage = new Map<bigint, Lineage>()
    const select = ['tag', '_row_id', '_last_updated_sequence_number']
    for await (const row of table.scan({ asOf, select }).rows()) {
      const { tag, _row_id: rowId, _last_updated_sequence_number: lastUpdated } = row
      if (typeof tag !== 'bigint' || typeof rowId !== 'bigint' || typeof lastUpdated !== 'bigint')
        return fail(snapshot, 'a row without lineage', row)
      lineage.set(tag, { rowId, lastUpdated })
    }
    const ids = new Set([...lineage.values()].map(({ rowId }) => rowId))
    if (ids.size !== given.played.length || lineage.size !== given.played.length)
      fail(snapshot, 'row ids are given twice', { ids: ids.size, rows: given.played.length })
    for (const { rowId } of lineage.values())
      if (rowId >= (metadata.nextRowId ?? 0n)) fail(snapshot, 'a row id beyond the next', rowId)
    if (given.parent === undefined && snapshot.parentSnapshotId !== undefined) return lineage
    for (const { row, from } of given.played) {
      const now = lineage.get(row.tag)
      const then = from.map(each => given.parent?.get(each.tag))
      const isKept = from.length === 1 && from[0] === row
      const isRight = isKept
        ? now?.rowId === then[0]?.rowId && now?.lastUpdated === then[0]?.lastUpdated
        : now?.lastUpdated === sequenceNumber &&
          (from.length === 0
            ? (now?.rowId ?? -1n) >= firstRowId
            : then.some(each => each?.rowId === now?.rowId))
      if (!isRight) fail(snapshot, 'the lineage of a row', { row, now, then, firstRowId, sequenceNumber })
    }
    return lineage
  }

  function checkRefs(now: TableMetadata, by: NamedStep | undefined, fresh: readonly Snapshot[]): void {
    const names = new Set([...Object.keys(before?.refs ?? {}), ...Object.keys(now.refs)])
    for (const ref of names) {
      const was = before?.refs[ref]?.snapshotId
      const is = now.refs[ref]?.snapshotId
      if (was === is) continue
      if (!mayMove(by?.step, ref)) throw new Error(`${by?.name} moved ${ref} from ${was} to ${is}`)
      if (!isInLine(by?.step, { was, is }, fresh))
        throw new Error(`${by?.name} moved ${ref} from ${was} to ${is}, which is out of line`)
    }
  }

  function isInLine(
    step: Step | undefined,
    { was, is }: { readonly [K in 'was' | 'is']: bigint | undefined },
    fresh: readonly Snapshot[],
  ): boolean {
    if (is === undefined) return step?.verb === 'drop-branch'
    // Main may have moved since the branch was decided on.
    if (step?.verb === 'branch' || step?.verb === 'tag') return known.has(is)
    if (step?.verb === 'rollback') return ancestry(was).has(is)
    // A branch that a write makes begins where main stood when the write was decided on.
    return was === undefined || ancestry(is, fresh).has(was)
  }

  function ancestry(from: bigint | undefined, fresh: readonly Snapshot[] = []): ReadonlySet<bigint> {
    const line = new Set<bigint>()
    let at = from
    while (at !== undefined) {
      const id: bigint = at
      line.add(id)
      const snapshot = known.get(id)?.snapshot ?? fresh.find(({ snapshotId }) => snapshotId === id)
      at = snapshot?.parentSnapshotId
    }
    return line
  }

  return {
    landed,
    get snapshots() {
      return known.size
    },
    rowsOf: (metadata, ref) => {
      const head = metadata.refs[ref] ?? metadata.refs.main
      return known.get(head?.snapshotId ?? -1n)?.rows ?? []
    },
    async look(metadata, by) {
      const fresh = metadata.snapshots
        .filter(({ snapshotId }) => !known.has(snapshotId))
        .sort((a, b) => Number(a.sequenceNumber - b.sequenceNumber))
      checkRefs(metadata, by, fresh)
      for (const snapshot of fresh) await lookAt(metadata, snapshot)
      const [first] = fresh
      if (by?.step.verb === 'transaction' && first !== undefined) checkWhole(metadata, by.step, first)
      before = metadata
    },
  }
}

function mayMove(step: Step | undefined, ref: string): boolean {
  if (step === undefined) return false
  switch (step.verb) {
    case 'alter':
    case 'expire':
    case 'stage':
      return false
    case 'tag':
      return ref === `t-${step.ref}`
    case 'fast-forward':
      return ref === 'main'
    default:
      return ref === step.ref
  }
}

/** Columns of the snapshot's schema. */
function columnsOf(metadata: TableMetadata, snapshot: Snapshot): string[] {
  const schema = metadata.schemas.find(({ schemaId }) => schemaId === snapshot.schemaId)
  const hasX = schema?.fields.some(({ name }) => name === 'x') === true
  return hasX ? [...COLUMNS, 'x'] : [...COLUMNS]
}

function rowText({ tag, id, part, n, x }: Row): string {
  return [tag, id, part, n, x].join(' ')
}

function expectRows(snapshot: Snapshot, what: string, found: readonly Row[], wanted: readonly Row[]): void {
  const have = found.map(rowText).sort()
  const want = wanted.map(rowText).sort()
  if (have.join('\n') === want.join('\n')) return
  const missing = want.filter(text => !have.includes(text))
  const surplus = have.filter(text => !want.includes(text))
  fail(snapshot, what, { have: have.length, want: want.length, missing, surplus })
}

function fail(snapshot: Snapshot, what: string, detail: unknown): never {
  const { snapshotId, operation, summary } = snapshot
  const text = JSON.stringify(detail, (_, value) => (typeof value === 'bigint' ? String(value) : value))
  throw new Error(`snapshot ${snapshotId} (${operation} by ${summary.step}): ${what}: ${text}`)
}

/** Whether a refusal is one that the step may meet when others are at work. */
export function mayBeRefused(step: Step, error: unknown): boolean {
  if (isLakeError(error, 'conflict')) return true
  switch (step.verb) {
    case 'alter':
    case 'branch':
    case 'tag':
    case 'drop-branch':
    case 'rollback':
    case 'fast-forward':
    case 'publish':
      return (
        isLakeError(error, 'invalid-argument') ||
        isLakeError(error, 'not-found') ||
        isLakeError(error, 'already-exists')
      )
    case 'update':
      return setsX(step) && isLakeError(error, 'invalid-argument')
    case 'transaction':
      return step.steps.some(setsX) && isLakeError(error, 'invalid-argument')
    default:
      return false
  }
}

function setsX(step: RowStep): boolean {
  return step.verb === 'update' && step.set.column === 'x'
}
