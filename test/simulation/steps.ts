/** What the writers of the world do, as data. A model of rows says what each does to a table. */
import type { Row } from './rows.js'

export type TableName = 'orders' | 'items'

export type Step =
  | { readonly verb: 'append'; readonly table: TableName; readonly rows: readonly Row[] }
  /** One commit of two tables. */
  | { readonly verb: 'append-both'; readonly rows: readonly Row[] }
  | { readonly verb: 'upsert'; readonly table: TableName; readonly rows: readonly Row[] }
  | { readonly verb: 'delete'; readonly table: TableName; readonly keys: readonly number[] }
  /** All rows go, as the writer saw them when it began. */
  | { readonly verb: 'replace-all'; readonly table: TableName; readonly rows: readonly Row[] }
  | { readonly verb: 'compact' | 'rollback' | 'expire' | 'clean' | 'property'; readonly table: TableName }
  | { readonly verb: 'tag' | 'drop-tag'; readonly table: TableName; readonly tag: string }
  /** An append that is repeated until it is known to have landed, by a process that comes after a dead one too. */
  | {
      readonly verb: 'once'
      readonly table: TableName
      readonly rows: readonly Row[]
      readonly token: string
    }

export interface NamedStep {
  readonly name: string
  readonly step: Step
}

const VERBS: readonly (readonly [Step['verb'], number])[] = [
  ['append', 30],
  ['upsert', 22],
  ['once', 8],
  ['delete', 8],
  ['append-both', 8],
  ['compact', 8],
  ['expire', 4],
  ['rollback', 3],
  ['tag', 3],
  ['property', 2],
  ['drop-tag', 2],
  ['replace-all', 2],
  ['clean', 3],
]

const KEYS = 12
const TAGS = ['a', 'b', 'c']

export interface StepSource {
  next(): NamedStep
  /** A step of that kind. */
  of(verb: Step['verb']): NamedStep
}

export interface StepOptions {
  readonly isMultiTable: boolean
  /** Steps that come more often than their share. */
  readonly favours?: readonly Step['verb'][] | undefined
}

const FAVOUR = 0.4

export function stepSource(random: () => number, options: StepOptions): StepSource {
  const favours = options.favours ?? []
  let steps = 0
  let values = 0
  const below = (limit: number): number => Math.floor(random() * limit)
  const rowsOf = (keys: readonly number[]): Row[] => keys.map(key => ({ key, value: ++values }))
  const keys = (count: number): number[] => Array.from({ length: count }, () => below(KEYS))
  const table = (): TableName => (random() < 0.8 ? 'orders' : 'items')
  const make = (verb: Step['verb']): Step => {
    switch (verb) {
      case 'append':
      case 'replace-all':
        return { verb, table: table(), rows: rowsOf(keys(1 + below(3))) }
      case 'append-both':
        return { verb, rows: rowsOf(keys(1 + below(2))) }
      case 'upsert':
        return { verb, table: table(), rows: rowsOf([...new Set(keys(1 + below(3)))]) }
      case 'delete':
        return { verb, table: table(), keys: keys(2) }
      case 'tag':
      case 'drop-tag':
        return { verb, table: table(), tag: TAGS[below(TAGS.length)] ?? 'a' }
      case 'once':
        return { verb, table: table(), rows: rowsOf(keys(1)), token: `t${steps}` }
      default:
        return { verb, table: table() }
    }
  }
  const named = (step: Step): NamedStep => ({ name: `${steps++}-${step.verb}`, step })
  const total = VERBS.reduce((sum, [, weight]) => sum + weight, 0)
  return {
    of: verb => named(make(verb)),
    next() {
      let at = below(total)
      let drawn: Step['verb'] = 'append'
      for (const [verb, weight] of VERBS) {
        drawn = verb
        at -= weight
        if (at < 0) break
      }
      if (favours.length > 0 && random() < FAVOUR) drawn = favours[below(favours.length)] ?? drawn
      if (drawn === 'append-both' && !options.isMultiTable) drawn = 'append'
      return named(make(drawn))
    },
  }
}

/** What a step makes of the rows of its branch; `same` for one that changes none. */
export function play(step: Step, rows: readonly Row[]): readonly Row[] {
  switch (step.verb) {
    case 'append':
    case 'append-both':
    case 'once':
      return [...rows, ...step.rows]
    case 'upsert': {
      const keys = new Set(step.rows.map(({ key }) => key))
      return [...rows.filter(({ key }) => !keys.has(key)), ...step.rows]
    }
    case 'delete':
      return rows.filter(({ key }) => !step.keys.includes(key))
    case 'replace-all':
      return step.rows
    default:
      return rows
  }
}

/** True for steps whose commits add a snapshot of theirs. */
export function addsSnapshot({ verb }: Step): boolean {
  return ['append', 'append-both', 'upsert', 'delete', 'replace-all', 'compact', 'once'].includes(verb)
}
