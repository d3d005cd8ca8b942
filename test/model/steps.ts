/** The steps of a model run, as data, drawn by a seed before anything runs: what fails can be run again, and with fewer steps. */
import type { Row } from './rows.js'

export interface ConditionOf {
  readonly on:
    | 'id-up-to'
    | 'id-is'
    | 'id-third'
    | 'id-null'
    | 'part-is'
    | 'part-not-n-above'
    | 'n-null-or-part-null'
    | 'all'
  readonly value: number
}

export interface Setting {
  /** `x` is there only once somebody added it. */
  readonly column: 'n' | 'id' | 'part' | 'x'
  readonly value: number
}

export interface MergeRule {
  readonly matched: 'set-all' | 'set-n' | 'delete-low-set-n' | 'none'
  readonly insert: 'all' | 'positive' | 'none'
  readonly bySource: 'delete-a' | 'count' | 'none'
}

/** A change of rows. */
export type RowStep =
  | { readonly verb: 'append'; readonly rows: readonly Row[] }
  | { readonly verb: 'upsert'; readonly rows: readonly Row[]; readonly keys: readonly ('id' | 'part')[] }
  | { readonly verb: 'delete'; readonly where: ConditionOf }
  | { readonly verb: 'update'; readonly where: ConditionOf; readonly set: Setting }
  | { readonly verb: 'overwrite'; readonly where: ConditionOf; readonly rows: readonly Row[] }
  | { readonly verb: 'merge'; readonly rows: readonly Row[]; readonly rule: MergeRule }

/** `ref` is the branch that it writes, `main` or another; it is made when it is missing. */
export type Step =
  | (RowStep & { readonly ref: string })
  | { readonly verb: 'transaction'; readonly ref: string; readonly steps: readonly RowStep[] }
  | { readonly verb: 'compact'; readonly ref: string; readonly maxCommits: number }
  | { readonly verb: 'expire'; readonly retainLast: number }
  | { readonly verb: 'rollback'; readonly ref: string; readonly back: number }
  | { readonly verb: 'branch' | 'tag' | 'drop-branch' | 'fast-forward'; readonly ref: string }
  | { readonly verb: 'stage' | 'publish'; readonly ref: string; readonly rows: readonly Row[] }
  | { readonly verb: 'alter'; readonly words: string }

export type Verb = Step['verb']

/** What runs: drawn from the seed, all of it. */
export interface Plan {
  readonly seed: number
  readonly formatVersion: 2 | 3
  readonly partitionBy: readonly string[]
  readonly properties: Readonly<Record<string, string>>
  /** Share of commits whose answer is lost, half of them before they take effect. */
  readonly loss: number
  /** Not raced: they fill the table. */
  readonly filling: readonly NamedStep[]
  /** For every writer, in its order. */
  readonly writers: readonly (readonly NamedStep[])[]
}

export interface NamedStep {
  readonly name: string
  readonly step: Step
}

const VERBS: readonly (readonly [Verb, number])[] = [
  ['append', 5],
  ['upsert', 5],
  ['delete', 4],
  ['update', 4],
  ['overwrite', 3],
  ['merge', 4],
  ['transaction', 3],
  ['compact', 3],
  ['expire', 2],
  ['rollback', 1],
  ['branch', 1],
  ['tag', 1],
  ['drop-branch', 1],
  ['fast-forward', 1],
  ['stage', 1],
  ['publish', 1],
  ['alter', 2],
]

const LAYOUTS: readonly (readonly string[])[] = [[], ['part'], ['bucket(3, id)'], ['part', 'truncate(2, n)']]
const MODES = ['copy-on-write', 'merge-on-read'] as const
const CONDITIONS: readonly ConditionOf['on'][] = [
  ...['id-up-to', 'id-is', 'id-third', 'id-null', 'part-is', 'part-is', 'part-not-n-above'],
  ...['n-null-or-part-null', 'all'],
] as readonly ConditionOf['on'][]
const ALTERATIONS = [
  'add column x int',
  'add column if not exists y int',
  'drop column if exists y',
  'add partition field part',
  'drop partition field part',
  'add partition field bucket(2, id)',
  `set tblproperties ('note' = 'other')`,
  ...MODES.flatMap(mode => [
    `set tblproperties ('write.delete.mode' = '${mode}', 'write.update.mode' = '${mode}', 'write.merge.mode' = '${mode}')`,
  ]),
  `set tblproperties ('commit.manifest.min-count-to-merge' = '2')`,
  `set tblproperties ('format-version' = '3')`,
]

/** The generator of numbers in [0, 1) decides everything. */
export function drawPlan(seed: number, random: () => number): Plan {
  const draw = drawing(random)
  const mode = (): string => draw.pick(MODES)
  const writers = 2 + draw.below(3)
  const stepsEach = 3 + draw.below(5)
  const named = (name: string, step: Step): NamedStep => ({ name: `${name}-${step.verb}`, step })
  return {
    seed,
    formatVersion: draw.pick([2, 3, 3] as const),
    partitionBy: draw.pick(LAYOUTS),
    properties: {
      'write.delete.mode': mode(),
      'write.update.mode': mode(),
      'write.merge.mode': mode(),
      'write.wap.enabled': 'true',
      'commit.retry.num-retries': '40',
      'commit.manifest.min-count-to-merge': draw.pick(['2', '3', '100']),
      ...draw.pick([
        {},
        {},
        { 'write.distribution-mode': 'none' },
        { 'write.delete.granularity': 'partition' },
      ]),
    },
    loss: draw.pick([0, 0, 0, 0.2]),
    filling: [0, 1].map(at =>
      named(`f${at}`, { verb: 'append', ref: 'main', rows: [...draw.rows(), ...draw.rows()] }),
    ),
    writers: Array.from({ length: writers }, (_, writer) =>
      Array.from({ length: stepsEach }, (__, at) => named(`w${writer}.${at}`, draw.step())),
    ),
  }
}

function drawing(random: () => number) {
  let nextTag = 0n
  const below = (limit: number): number => Math.floor(random() * limit)
  function pick<T>(items: readonly T[]): T {
    return items[below(items.length)] as T
  }
  const row = (): Row => ({
    tag: nextTag++,
    id: below(9) === 0 ? null : BigInt(below(8)),
    part: below(9) === 0 ? null : pick(['a', 'b', 'c']),
    n: below(9) === 0 ? null : below(9) - 2,
    x: null,
  })
  const rows = (): readonly Row[] => Array.from({ length: 1 + below(5) }, row)
  const unique = (keys: readonly ('id' | 'part')[]): readonly Row[] => [
    ...new Map(rows().map(each => [keys.map(key => String(each[key])).join('|'), each])).values(),
  ]
  const where = (): ConditionOf => ({ on: pick(CONDITIONS), value: below(6) })
  const ref = (): string => pick(['main', 'main', 'main', 'main', 'b1', 'b2'])
  const branch = (): string => pick(['b1', 'b2'])

  function rowStep(verb: RowStep['verb']): RowStep {
    switch (verb) {
      case 'append':
        return { verb, rows: rows() }
      case 'upsert': {
        const keys = pick([['id'], ['id'], ['part', 'id']] as const)
        return { verb, keys, rows: unique(keys) }
      }
      case 'delete':
        return { verb, where: where() }
      case 'update': {
        const column = pick(['n', 'n', 'id', 'part', 'part', 'x'] as const)
        return { verb, where: where(), set: { column, value: below(4) } }
      }
      case 'overwrite':
        return { verb, where: where(), rows: rows() }
      default:
        return { verb, rows: unique(['id']), rule: rule() }
    }
  }

  function rule(): MergeRule {
    const drawn: MergeRule = {
      matched: pick(['set-all', 'set-all', 'set-n', 'delete-low-set-n', 'none'] as const),
      insert: pick(['all', 'all', 'positive', 'none'] as const),
      bySource: pick(['none', 'none', 'none', 'delete-a', 'count'] as const),
    }
    const isEmpty = Object.values(drawn).every(part => part === 'none')
    return isEmpty ? { ...drawn, insert: 'all' } : drawn
  }

  function step(): Step {
    const verb = pick(VERBS.flatMap(([name, weight]) => Array.from({ length: weight }, () => name)))
    switch (verb) {
      case 'transaction': {
        const verbs = ['append', 'upsert', 'delete', 'update', 'overwrite', 'merge'] as const
        const steps = Array.from({ length: 1 + below(3) }, () => rowStep(pick(verbs)))
        return { verb, ref: 'main', steps }
      }
      case 'compact':
        return { verb, ref: ref(), maxCommits: 1 + below(3) }
      case 'expire':
        return { verb, retainLast: 1 + below(3) }
      case 'rollback':
        return { verb, ref: ref(), back: 1 + below(3) }
      case 'branch':
      case 'tag':
      case 'drop-branch':
        return { verb, ref: branch() }
      case 'fast-forward':
        return { verb, ref: branch() }
      case 'stage':
      case 'publish':
        return { verb, ref: 'main', rows: verb === 'stage' ? rows() : [] }
      case 'alter':
        return { verb, words: pick(ALTERATIONS) }
      default:
        return { ...rowStep(verb), ref: ref() }
    }
  }

  return { below, pick, rows, step }
}
