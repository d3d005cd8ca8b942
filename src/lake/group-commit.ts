/**
 * Group commit: appends that callers of one process make to one branch at the same time share a data file and a
 * snapshot. Each caller is answered when its rows are durable.
 *
 *   caller 1 --rows--> |        |                      +--> caller 1
 *   caller 2 --rows--> | linger | -> one file, commit -+--> caller 2
 *   caller 3 --bad---> |        | ------------------------> caller 3: its own error
 *
 * One group of a branch commits at a time; who comes meanwhile is in the next one.
 */
import { checkSignal, isLakeError } from '../base/errors.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import type { LoadedTable, TableIdentifier } from '../catalog/catalog.js'
import { printIdentifier } from '../catalog/identifier.js'
import { currentSchema } from '../metadata/lookup.js'
import { MAIN_BRANCH } from '../metadata/table-metadata.js'
import type { GroupCommitOptions, LakeContext } from './context.js'
import { collectBatch, type RowsInput } from './input.js'
import { append, type WriteOptions, type WriteReport } from './table-writes.js'

interface Member {
  readonly rows: RowsInput
  readonly rowCount: number
  readonly options: WriteOptions
  readonly resolve: (report: WriteReport) => void
  readonly reject: (error: unknown) => void
}

interface Group {
  readonly context: LakeContext
  readonly options: GroupCommitOptions
  readonly identifier: TableIdentifier
  readonly branch: string | undefined
  /** Rows are there in the order of their callers. */
  waiting: Member[]
  waitingRows: number
  /** Commits until nobody waits; undefined when nobody does. */
  running: Promise<void> | undefined
  /** Ends the wait for more. */
  hurry: AbortController
}

/** The groups of each lake that has any, by table and branch. */
const groupsOf = new WeakMap<GroupCommitOptions, Map<string, Group>>()

/**
 * Adds the rows with those of other callers, or alone when they cannot be grouped: rows of unknown number, and a write
 * with a summary, a wap id, or a step of its own.
 * @throws as `Table.append`
 */
export function groupedAppend(
  context: LakeContext,
  identifier: TableIdentifier,
  given: { readonly rows: RowsInput; readonly options: WriteOptions },
): Promise<WriteReport> {
  const { rows, options } = given
  const grouping = context.groupCommit
  const rowCount = Array.isArray(rows) ? rows.length : undefined
  if (grouping === undefined || rowCount === undefined || context.dryRun === true || !isPlain(options))
    return append(context, identifier, given)
  const group = groupFor(context, grouping, { identifier, branch: options.branch })
  return new Promise((resolve, reject) => {
    group.waiting.push({ rows, rowCount, options, resolve, reject })
    group.waitingRows += rowCount
    if (isFull(group)) group.hurry.abort()
    group.running ??= run(group)
  })
}

/** Settles what callers have given so far. */
export async function drainGroups(options: GroupCommitOptions): Promise<void> {
  const groups = [...(groupsOf.get(options)?.values() ?? [])]
  for (const group of groups) group.hurry.abort()
  await Promise.all(groups.map(group => group.running))
}

/** Options that a snapshot of several callers can have. */
const SHARED: ReadonlySet<string> = new Set(['branch', 'signal', 'fast'])

function isPlain(options: WriteOptions): boolean {
  return Object.entries(options).every(([name, value]) => value === undefined || SHARED.has(name))
}

function groupFor(
  context: LakeContext,
  options: GroupCommitOptions,
  place: { readonly identifier: TableIdentifier; readonly branch: string | undefined },
): Group {
  const groups = groupsOf.get(options) ?? new Map<string, Group>()
  groupsOf.set(options, groups)
  const key = `${printIdentifier(place.identifier)} ${place.branch ?? MAIN_BRANCH}`
  let group = groups.get(key)
  if (group === undefined) {
    group = {
      ...place,
      context,
      options,
      waiting: [],
      waitingRows: 0,
      running: undefined,
      hurry: new AbortController(),
    }
    groups.set(key, group)
  }
  return group
}

function isFull({ waitingRows, options }: Group): boolean {
  return waitingRows >= (options.rowsMax ?? ROWS_MAX)
}

const ROWS_MAX = 100_000

async function run(group: Group): Promise<void> {
  const { context, options } = group
  while (group.waiting.length > 0) {
    group.hurry = new AbortController()
    if (!isFull(group)) {
      await context.runtime.sleep(options.lingerMsMax, group.hurry.signal).catch(() => undefined)
    }
    const members = takeMembers(group)
    await commitMembers(group, members).catch((error: unknown) => {
      for (const member of members) member.reject(error)
    })
  }
  group.running = undefined
}

/** At least one member, and no more than fill a group. */
function takeMembers(group: Group): readonly Member[] {
  const rowsMax = group.options.rowsMax ?? ROWS_MAX
  let rows = 0
  const end = group.waiting.findIndex(member => {
    const isOver = rows > 0 && rows + member.rowCount > rowsMax
    rows += member.rowCount
    return isOver
  })
  const members = group.waiting.splice(0, end < 0 ? group.waiting.length : end)
  for (const { rowCount } of members) group.waitingRows -= rowCount
  return members
}

interface Ready {
  readonly member: Member
  readonly batch: ColumnBatch
}

/** Answers every member. Throws when none of them can be told more than the others. */
async function commitMembers(group: Group, members: readonly Member[]): Promise<void> {
  const { context, identifier, branch } = group
  const base = await context.catalog.loadTable(identifier)
  const ready: Ready[] = []
  for (const member of members) {
    try {
      checkSignal(member.options.signal)
      ready.push({ member, batch: await collectBatch(currentSchema(base.metadata), member.rows) })
    } catch (error) {
      member.reject(error)
    }
  }
  if (ready.length === 0) return
  try {
    const rows = ready.map(each => each.batch)
    const fast = ready.every(({ member }) => member.options.fast === true)
    const report = await append(context, identifier, { rows, base, options: { branch, fast } })
    for (const { member } of ready) member.resolve(report)
  } catch (error) {
    // What only one member's rows can be the reason of, the others need not suffer.
    if (ready.length > 1 && isLakeError(error, 'invalid-argument')) await commitAlone(group, { base, ready })
    else throw error
  }
}

async function commitAlone(
  { context, identifier, branch }: Group,
  { base, ready }: { readonly base: LoadedTable; readonly ready: readonly Ready[] },
): Promise<void> {
  for (const { member, batch } of ready) {
    const given = { rows: [batch], base, options: { ...member.options, branch } }
    await append(context, identifier, given).then(member.resolve, member.reject)
  }
}
