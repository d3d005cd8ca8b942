/**
 * The relational model: a table is a list of rows, a condition a function of a row, a step what it does to the list.
 * Everything here is plain data and plain loops, written without a look at how serac does it.
 */
import type { ConditionOf, MergeRule, Setting, Step } from './steps.js'

/** A row. `tag` is given once to every row ever written, so a row is followed through history. */
export interface Row {
  readonly tag: bigint
  readonly id: bigint | null
  readonly part: string | null
  readonly n: number | null
  /** A column that tables get later; null for every row that was written without it. */
  readonly x: number | null
}

/** A row behind a step, and the rows before it that it goes on from: itself, what it was, what it replaced; or none. */
export interface Played {
  readonly row: Row
  readonly from: readonly Row[]
}

/** What is stored of a column, in the order of the table; `x` where the snapshot has it. */
export const COLUMNS = ['tag', 'id', 'part', 'n'] as const

type Truth = boolean | null

/** Three-valued: null where SQL does not know. */
export function holds(condition: ConditionOf, row: Row): Truth {
  const { on, value } = condition
  switch (on) {
    case 'id-up-to':
      return row.id === null ? null : row.id <= BigInt(value)
    case 'id-is':
      return row.id === null ? null : row.id === BigInt(value)
    case 'id-third':
      return row.id === null ? null : row.id % 3n === BigInt(value % 3)
    case 'id-null':
      return row.id === null
    case 'part-is':
      return row.part === null ? null : row.part === letter(value)
    case 'part-not-n-above': {
      const isOther = row.part === null ? null : row.part !== letter(value)
      const isAbove = row.n === null ? null : row.n > value
      if (isOther === false || isAbove === false) return false
      return isOther === null || isAbove === null ? null : true
    }
    case 'n-null-or-part-null':
      return row.n === null || row.part === null
    default:
      return true
  }
}

export function conditionText({ on, value }: ConditionOf, alias = ''): string {
  switch (on) {
    case 'id-up-to':
      return `${alias}id <= ${value}`
    case 'id-is':
      return `${alias}id = ${value}`
    case 'id-third':
      return `${alias}id % 3 = ${value % 3}`
    case 'id-null':
      return `${alias}id is null`
    case 'part-is':
      return `${alias}part = '${letter(value)}'`
    case 'part-not-n-above':
      return `${alias}part <> '${letter(value)}' and ${alias}n > ${value}`
    case 'n-null-or-part-null':
      return `${alias}n is null or ${alias}part is null`
    default:
      return `${alias}id is null or ${alias}id is not null`
  }
}

export function letter(value: number): string {
  return 'abc'.charAt(value % 3)
}

export function settingText({ column, value }: Setting): string {
  switch (column) {
    case 'n':
      return `n = n + ${value}`
    case 'id':
      return 'id = id + 1'
    case 'part':
      return value === 0 ? 'part = null' : `part = '${letter(value)}'`
    default:
      return `x = ${value}`
  }
}

function setTo(row: Row, { column, value }: Setting): Row {
  switch (column) {
    case 'n':
      return { ...row, n: row.n === null ? null : row.n + value }
    case 'id':
      return { ...row, id: row.id === null ? null : row.id + 1n }
    case 'part':
      return { ...row, part: value === 0 ? null : letter(value) }
    default:
      return { ...row, x: value }
  }
}

/** What a step makes of the rows of the snapshot before it. */
export function play(rows: readonly Row[], step: Step): readonly Played[] {
  switch (step.verb) {
    case 'append':
      return [...rows.map(kept), ...step.rows.map(added)]
    case 'upsert':
      return playUpsert(rows, step.rows, step.keys)
    case 'delete':
      return rows.filter(row => holds(step.where, row) !== true).map(kept)
    case 'update':
      return rows.map(row =>
        holds(step.where, row) === true ? { row: setTo(row, step.set), from: [row] } : kept(row),
      )
    case 'overwrite':
      return [...rows.filter(row => holds(step.where, row) !== true).map(kept), ...step.rows.map(added)]
    case 'merge':
      return playMerge(rows, step.rows, step.rule)
    case 'transaction':
      return step.steps.reduce<readonly Played[]>(
        (played, inner) =>
          chain(
            played,
            play(
              played.map(({ row }) => row),
              { ...inner, ref: step.ref },
            ),
          ),
        rows.map(kept),
      )
    default:
      return rows.map(kept)
  }
}

/** The second step's rows, with what they come from before the first. */
function chain(first: readonly Played[], second: readonly Played[]): readonly Played[] {
  const origins = new Map(first.map(({ row, from }) => [row, from]))
  return second.map(({ row, from }) => ({ row, from: from.flatMap(each => origins.get(each) ?? []) }))
}

const kept = (row: Row): Played => ({ row, from: [row] })
const added = (row: Row): Played => ({ row, from: [] })

function playUpsert(
  rows: readonly Row[],
  given: readonly Row[],
  keys: readonly ('id' | 'part')[],
): readonly Played[] {
  const keyOf = (row: Row): string => keys.map(key => String(row[key])).join('|')
  const replaced = new Map<string, Row[]>(given.map(row => [keyOf(row), []]))
  const others: Played[] = []
  for (const row of rows) {
    const sameKey = replaced.get(keyOf(row))
    if (sameKey === undefined) others.push(kept(row))
    else sameKey.push(row)
  }
  return [...others, ...given.map(row => ({ row, from: replaced.get(keyOf(row)) ?? [] }))]
}

/** Rows are matched by id; null matches nothing. */
function playMerge(rows: readonly Row[], source: readonly Row[], rule: MergeRule): readonly Played[] {
  const byId = new Map(source.flatMap(row => (row.id === null ? [] : [[row.id, row] as const])))
  const matched = new Set<Row>()
  const played = rows.flatMap((row): readonly Played[] => {
    const other = row.id === null ? undefined : byId.get(row.id)
    if (other !== undefined) matched.add(other)
    return other === undefined ? unmatchedBySource(row, rule) : matchedRow(row, other, rule)
  })
  if (rule.insert === 'none') return played
  const inserted = source.filter(
    row => !matched.has(row) && (rule.insert === 'all' || (row.n !== null && row.n > 0)),
  )
  return [...played, ...inserted.map(added)]
}

function matchedRow(row: Row, other: Row, { matched }: MergeRule): readonly Played[] {
  switch (matched) {
    case 'set-all':
      return [{ row: { ...row, id: other.id, part: other.part, n: other.n }, from: [row] }]
    case 'set-n':
      return [{ row: { ...row, n: other.n }, from: [row] }]
    case 'delete-low-set-n': {
      const isLow = row.n !== null && row.n < 3
      return isLow ? [] : [{ row: { ...row, n: other.n }, from: [row] }]
    }
    default:
      return [kept(row)]
  }
}

function unmatchedBySource(row: Row, { bySource }: MergeRule): readonly Played[] {
  switch (bySource) {
    case 'delete-a':
      return row.part === 'a' ? [] : [kept(row)]
    case 'count':
      return [{ row: { ...row, n: row.n === null ? null : row.n + 1 }, from: [row] }]
    default:
      return [kept(row)]
  }
}

/** The clauses of a rule in words; the source is `s`, the table `t`. */
export function mergeClauses({ matched, insert, bySource }: MergeRule): readonly string[] {
  const clauses: string[] = []
  if (matched === 'set-all') clauses.push('when matched then update set id = s.id, part = s.part, n = s.n')
  if (matched === 'delete-low-set-n') clauses.push('when matched and t.n < 3 then delete')
  if (matched === 'set-n' || matched === 'delete-low-set-n')
    clauses.push('when matched then update set n = s.n')
  const values = '(tag, id, part, n) values (s.tag, s.id, s.part, s.n)'
  if (insert === 'all') clauses.push(`when not matched then insert ${values}`)
  if (insert === 'positive') clauses.push(`when not matched and s.n > 0 then insert ${values}`)
  if (bySource === 'delete-a') clauses.push(`when not matched by source and t.part = 'a' then delete`)
  if (bySource === 'count') clauses.push('when not matched by source then update set n = t.n + 1')
  return clauses
}
