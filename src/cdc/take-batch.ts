/**
 * From a batch of the feed to what each followed table takes of it: tables are found, or skipped; changes that a table's
 * position has passed are left out; the rest waits for the next commit.
 */
import { present } from '../base/assert.js'
import { LakeError } from '../base/errors.js'
import { printIdentifier } from '../catalog/identifier.js'
import {
  blockBytes,
  type ChangeBlock,
  DELETE,
  type FeedBatch,
  type FeedMark,
  type FeedTransaction,
  INSERT,
  MOVE,
  TRUNCATE,
  UPDATE,
} from './change-block.js'
import type { PoisonEvent } from './change-event.js'
import { type FeedPosition, isPassed } from './feed-position.js'
import { type Counts, count, type TableReport } from './feed-report.js'
import { type FollowedTable, type FollowOptions, followTable, type ShownTable } from './followed-table.js'
import { printSource } from './source-tables.js'

/** The tables of a run, by source table. */
export interface FollowedTables {
  readonly tables: Map<string, FollowedTable>
  /** Changes to tables without a key, which are skipped. */
  readonly keyless: Counts
  readonly onWarning?: ((message: string) => void) | undefined
}

/** What was taken, by transaction of the batch. */
export interface TakenBatch {
  /** Changes taken. */
  readonly counts: Uint32Array
  /** Records that cannot be read and matter, in the order of their transactions. */
  readonly poisons: readonly { readonly event: PoisonEvent; readonly transaction: number }[]
  /** Bytes of a change, about. */
  readonly bytesPerChange: number
}

/** Which transactions of a batch are taken. */
interface TakeOptions {
  /** Transactions from the first that are taken. */
  readonly transactionCount: number
  /** Transactions of the run before this batch. */
  readonly firstTransaction: number
}

/**
 * Takes in the first transactions of a batch.
 * @throws invalid-argument for tables that cannot be followed; corrupt for a key that comes too late
 */
export async function takeBatch(
  batch: FeedBatch,
  following: FollowedTables,
  options: TakeOptions & { readonly follow: FollowOptions },
): Promise<TakenBatch> {
  const counts = new Uint32Array(batch.transactions.length)
  const poisons: { event: PoisonEvent; transaction: number }[] = []
  let bytes = 0
  let changes = 0
  for (const source of sourcesOf(batch)) {
    const taking = { ...options, ...following, batch, counts, poisons }
    await takeSource(source, taking)
    for (const block of source.blocks) {
      bytes += blockBytes(block)
      changes += block.kinds.length
    }
  }
  poisons.sort((a, b) => a.transaction - b.transaction)
  return { counts, poisons, bytesPerChange: changes === 0 ? 0 : bytes / changes }
}

/** What a batch has of one source table. */
interface SourcePart {
  readonly name: string
  readonly blocks: ChangeBlock[]
  readonly marks: FeedMark[]
}

function sourcesOf({ blocks, marks }: FeedBatch): Iterable<SourcePart> {
  const sources = new Map<string, SourcePart>()
  const of = (table: ShownTable['table']): SourcePart => {
    const name = printSource(table)
    let source = sources.get(name)
    if (source === undefined) {
      source = { name, blocks: [], marks: [] }
      sources.set(name, source)
    }
    return source
  }
  for (const block of blocks) of(block.table).blocks.push(block)
  for (const mark of marks) of(mark.event.table).marks.push(mark)
  return sources.values()
}

interface Taking extends TakeOptions, FollowedTables {
  readonly follow: FollowOptions
  readonly batch: FeedBatch
  readonly counts: Uint32Array
  readonly poisons: { event: PoisonEvent; transaction: number }[]
}

/** Follows the changes of one source table, and its poison between them, transaction by transaction. */
async function takeSource({ name, blocks, marks }: SourcePart, taking: Taking): Promise<void> {
  const { transactionCount } = taking
  const poisons = marks.flatMap(({ event, transaction }) =>
    event.kind === 'poison' && transaction < transactionCount ? [{ event, transaction }] : [],
  )
  let next = 0
  let walk: Walk | undefined
  const takePoisons = async (end: number): Promise<void> => {
    for (
      let poison = poisons[next];
      poison !== undefined && poison.transaction < end;
      poison = poisons[++next]
    ) {
      const { table, line } = poison.event
      if (walk === undefined) {
        const found = await tableOf(
          name,
          { table, keyColumns: [], columns: undefined, line, changes: 1 },
          taking,
        )
        if (found === 'keyless') continue
        if (found !== 'absent') walk = createWalk(found, taking)
      }
      if (walk === undefined || walk.meets(poison.transaction, line)) taking.poisons.push(poison)
    }
  }
  for (const block of blocks) {
    const end = endOf(block, transactionCount)
    if (end === 0) continue
    let from = 0
    await takePoisons(block.transactions[0] as number)
    if (walk === undefined) {
      const isKnown = taking.tables.has(name)
      const first = firstRow(block, end)
      const found = await tableOf(name, shownBy(block, first, end), taking)
      if (typeof found === 'string') continue
      walk = createWalk(found, taking)
      // Before its first row there was no table, and nothing to change.
      if (!isKnown && found.state === undefined) from = first
    }
    while (from < end) {
      const transaction = block.transactions[from] as number
      await takePoisons(transaction)
      let to = from + 1
      while (to < end && block.transactions[to] === transaction) to++
      walk.take(block, from, to)
      from = to
    }
  }
  await takePoisons(Number.POSITIVE_INFINITY)
  walk?.leave()
}

/** The changes of a block that belong to the first transactions. */
function endOf({ transactions }: ChangeBlock, transactionCount: number): number {
  let end = transactions.length
  while (end > 0 && (transactions[end - 1] as number) >= transactionCount) end--
  return end
}

/** The first change that shows a row, or -1. */
function firstRow({ kinds }: ChangeBlock, end: number): number {
  const shows = (kind: number): boolean => kind === INSERT || kind === UPDATE || kind === MOVE
  return kinds.subarray(0, end).findIndex(shows)
}

/** What is shown of a table that is not followed yet. */
interface FirstShown extends ShownTable {
  readonly line: number
  readonly changes: number
}

function shownBy(block: ChangeBlock, first: number, end: number): FirstShown {
  return {
    table: block.table,
    keyColumns: block.keyColumns,
    columns: first < 0 ? undefined : block.rows.columns,
    line: block.lines[Math.max(0, first)] as number,
    changes: end - Math.max(0, first),
  }
}

/** The table that follows a source table; `absent` when there is none to change, `keyless` when it is skipped. */
async function tableOf(
  name: string,
  shown: FirstShown,
  { tables, keyless, onWarning, follow }: Taking,
): Promise<FollowedTable | 'absent' | 'keyless'> {
  const known = tables.get(name)
  if (known !== undefined) return known
  const wasSkipped = keyless.has(name)
  const opened = wasSkipped && shown.keyColumns.length === 0 ? 'keyless' : await followTable(shown, follow)
  if (opened === 'absent') return opened
  if (opened === 'keyless') {
    if (!wasSkipped) onWarning?.(`${name} has no key and is skipped; name one with --keys`)
    count(keyless, name, shown.changes)
    return opened
  }
  if (wasSkipped) {
    throw new LakeError(
      'invalid-argument',
      'the feed shows a key of a table only after other changes to it',
      { context: { table: name, line: shown.line, remedy: 'name the key with --keys' } },
    )
  }
  checkNoTwin(opened, tables.values())
  tables.set(name, opened)
  return opened
}

function checkNoTwin(opened: FollowedTable, others: Iterable<FollowedTable>): void {
  const identifier = printIdentifier(opened.identifier)
  for (const other of others) {
    if (printIdentifier(other.identifier) !== identifier) continue
    throw new LakeError('invalid-argument', 'two source tables of the feed go to one table', {
      context: { table: identifier, sources: [printSource(other.source), printSource(opened.source)] },
    })
  }
}

/** A table's way through the transactions of a batch: its position moves with each that it takes something of. */
interface Walk {
  /** Changes `from .. to` of a block, of one transaction. */
  take(block: ChangeBlock, from: number, to: number): void
  /** Whether a record of a transaction, which is no change, matters: it was not applied before. */
  meets(transaction: number, line: number): boolean
  /** The last transaction has ended. */
  leave(): void
}

function createWalk(table: FollowedTable, { batch, counts, firstTransaction }: Taking): Walk {
  const { report, pending } = table
  const positionOf = (transaction: number): FeedPosition => transactionOf(transaction).position
  const transactionOf = (transaction: number): FeedTransaction =>
    present(batch.transactions[transaction], 'the transaction of a change')
  let current = -1
  let hasTaken = false
  const leave = (): void => {
    if (hasTaken) table.reached = positionOf(current)
    hasTaken = false
  }
  const enter = (transaction: number): void => {
    if (transaction === current) return
    leave()
    current = transaction
  }
  const hasPassed = (line: number): boolean =>
    table.reached !== undefined && isPassed({ position: positionOf(current), line }, table.reached)
  return {
    leave,
    meets(transaction, line) {
      enter(transaction)
      if (!hasPassed(line)) return true
      report.alreadyApplied += 1
      return false
    },
    take(block, from, to) {
      enter(block.transactions[from] as number)
      // A transaction is passed as a whole, or up to a line.
      let first = hasPassed(block.lines[to - 1] as number) ? to : from
      while (first < to - 1 && hasPassed(block.lines[first] as number)) first++
      report.alreadyApplied += first - from
      if (first === to) return
      hasTaken = true
      counts[current] = (counts[current] as number) + to - first
      countKinds(report, block.kinds.subarray(first, to))
      const last = pending.at(-1)
      const goesOn = last !== undefined && last.block === block && last.to === first
      if (goesOn) pending[pending.length - 1] = { ...last, to }
      else pending.push({ block, from: first, to, firstTransaction, positionOf })
    },
  }
}

function countKinds(report: TableReport, kinds: Uint8Array): void {
  for (const kind of kinds) {
    if (kind === UPDATE) report.updates++
    else if (kind === DELETE) report.deletes++
    else if (kind === TRUNCATE) report.truncates++
    else report.inserts++
  }
}
