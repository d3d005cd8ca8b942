/**
 * One run of the model: writers on one table, each with a lake of its own over one store and one catalog, whose turns
 * change before and behind every load and commit. So every conflict that commits can have is had, and a seed that
 * failed fails again.
 */
import { isLakeError } from '../../src/base/errors.js'
import type { Catalog, CommitOutcome } from '../../src/catalog/catalog.js'
import { failingCatalog } from '../../src/catalog/failing.js'
import { type FileIO, openLake, type Table, type TableMetadata } from '../../src/index.js'
import { keepManifests } from '../../src/manifest/manifest-cache.js'
import { checkTable, createWorld, seededRandom, seededRuntime, type World } from '../snapshot/world.js'
import { type CommitChecker, createCommitChecker, mayBeRefused } from './check-commit.js'
import { doStep } from './do-step.js'
import { play } from './rows.js'
import type { NamedStep, Plan } from './steps.js'
import { createTurns, type Turns } from './turns.js'

const TABLE = 'shop.t'
const COLUMNS = 'tag bigint, id bigint, part string, n int'

/** How a step ended. */
type Fate = 'committed' | 'unchanged' | 'done' | 'refused' | 'unknown'

export interface ModelReport {
  readonly seed: number
  readonly snapshots: number
  readonly fates: ReadonlyMap<string, Fate>
  /** Attempts that lost their race. */
  readonly conflicts: number
}

interface Run {
  readonly plan: Plan
  readonly world: World
  readonly turns: Turns
  readonly random: () => number
  readonly checker: CommitChecker
  readonly fates: Map<string, Fate>
  /** Of the table, one after the other. */
  readonly states: TableMetadata[]
  isRacing: boolean
  /** Whether an expiry left files behind, and said so. */
  isLeft: boolean
  conflicts: number
  /** What a look at a commit found. */
  fault?: unknown
}

/** @throws what is not as the model says, or an error that no step may end with */
export async function runModel(plan: Plan): Promise<ModelReport> {
  const world = await createWorld({ seed: plan.seed })
  try {
    keepManifests(world.io, { sizeBytesMax: 2 ** 22 })
    const lake = openLake(world)
    const table = await lake.createTable(TABLE, COLUMNS, {
      formatVersion: plan.formatVersion,
      partitionBy: plan.partitionBy,
      properties: plan.properties,
    })
    const random = seededRandom(plan.seed + 1)
    const steps = new Map([plan.filling, ...plan.writers].flat().map(({ name, step }) => [name, step]))
    const run: Run = {
      plan,
      world,
      turns: createTurns(random),
      random,
      checker: createCommitChecker(table, steps, seededRandom(plan.seed + 2)),
      fates: new Map(),
      states: [],
      isRacing: false,
      isLeft: false,
      conflicts: 0,
    }
    await write(run, -1, plan.filling)
    run.isRacing = true
    await run.turns.run(plan.writers.map((names, writer) => () => write(run, writer, names)))
    run.isRacing = false
    await checkEnd(run, table)
    const { fates, conflicts, checker } = run
    return { seed: plan.seed, snapshots: checker.snapshots, fates, conflicts }
  } finally {
    await world.catalog.close()
  }
}

// ---------------------------------------------------------------- a writer

async function write(run: Run, writer: number, steps: readonly NamedStep[]): Promise<void> {
  const { world, plan, turns } = run
  const gate = async (): Promise<void> => {
    world.runtime.advance(1)
    if (run.isRacing) await turns.gate(writer)
  }
  const runtime = {
    ...seededRuntime(plan.seed * 16 + writer + 1),
    nowMs: world.runtime.nowMs,
    sleep: async (ms: number) => {
      world.runtime.advance(ms)
      await gate()
    },
  }
  let current: NamedStep | undefined
  const catalog = gatedCatalog(run, { gate, current: () => current })
  const onCommitEvent = ({ type }: { readonly type: string }): void => {
    if (type === 'conflict') run.conflicts += 1
  }
  const table = openLake({ io: world.io, catalog, runtime, onCommitEvent }).table(TABLE)
  for (const named of steps) {
    current = named
    const begin = Math.max(0, run.states.length - 1)
    const fate = await fateOf(run, table, { ...named, nowMs: runtime.nowMs })
    run.fates.set(named.name, fate)
    if (fate === 'unchanged') checkUnchanged(run, named, run.states.slice(begin))
  }
}

async function fateOf(
  run: Run,
  table: Table,
  { name, step, nowMs }: NamedStep & { readonly nowMs: () => number },
): Promise<Fate> {
  try {
    const changed = await doStep(table, step, {
      name,
      nowMs,
      onLeft: () => {
        run.isLeft = true
      },
    })
    if (run.fault !== undefined) throw run.fault
    return changed === undefined ? 'done' : changed ? 'committed' : 'unchanged'
  } catch (error) {
    if (run.fault !== undefined) throw run.fault
    if (isLakeError(error, 'commit-state-unknown')) return 'unknown'
    if (mayBeRefused(step, error)) return 'refused'
    throw new Error(`${name} failed`, { cause: error })
  }
}

/** Changes of the turn around each request that others may come before or behind, and a look at every commit. */
function gatedCatalog(
  run: Run,
  writer: {
    readonly gate: () => Promise<void>
    readonly current: () => NamedStep | undefined
  },
): Catalog {
  const looked = async (outcome: CommitOutcome): Promise<CommitOutcome> => {
    if (outcome.status !== 'committed') return outcome
    try {
      for (const { metadata } of outcome.tables) {
        await run.checker.look(metadata, writer.current())
        run.states.push(metadata)
      }
    } catch (error) {
      // The commit loop would take it for an answer that got lost.
      run.fault ??= error
      throw error
    }
    return outcome
  }
  const inner = run.world.catalog
  const watched: Catalog = {
    ...inner,
    commit: async (...args) => looked(await inner.commit(...args)),
    settle: async (...args) => looked(await inner.settle(...args)),
  }
  return failingCatalog(watched, async ({ verb }) => {
    await writer.gate()
    const isSwap = verb === 'commit' || verb === 'settle'
    return isSwap && run.random() * 2 < run.plan.loss ? 'lost' : undefined
  })
}

/** A step that says that nothing changed is right about a state that the table had meanwhile. */
function checkUnchanged(run: Run, { name, step }: NamedStep, states: readonly TableMetadata[]): void {
  if (!('ref' in step)) return
  const isRight = states.some(metadata => {
    const rows = run.checker.rowsOf(metadata, step.ref)
    const played = play(rows, step)
    return played.length === rows.length && played.every(({ row }) => rows.includes(row))
  })
  if (!isRight) throw new Error(`${name} says that it had nothing to change`)
}

// ---------------------------------------------------------------- at the end

async function checkEnd(run: Run, table: Table): Promise<void> {
  const { world, checker, fates, plan } = run
  const { metadata } = await table.load()
  await checkTable(world.io, metadata)
  const steps = new Map([plan.filling, ...plan.writers].flat().map(({ name, step }) => [name, step]))
  for (const [name, fate] of fates) {
    const step = steps.get(name)
    if (step?.verb === 'publish' || step?.verb === 'stage') continue
    const times = checker.landed.get(name) ?? 0
    // Each operation of a transaction has a snapshot of its own.
    const most = step?.verb === 'transaction' ? step.steps.length : 1
    const least = fate === 'committed' ? 1 : 0
    const isRight = times >= least && times <= (fate === 'committed' || fate === 'unknown' ? most : 0)
    if (!isRight) throw new Error(`${name} ended as ${fate} and is in the history ${times} times`)
  }
  if (run.isLeft || plan.loss > 0 || [...fates.values()].includes('unknown')) return
  const left = await unreachable(world.io, table, metadata)
  if (left.length > 0) throw new Error(`nothing refers to ${left.join(', ')}`)
}

/** Files below the table that no snapshot refers to, but its metadata files. */
async function unreachable(io: FileIO, table: Table, metadata: TableMetadata): Promise<readonly string[]> {
  const reached = new Set(metadata.snapshots.map(({ manifestList }) => manifestList))
  const read = async (name: string, column: string): Promise<void> => {
    for await (const row of table.inspect(name, { select: [column] }).rows()) reached.add(String(row[column]))
  }
  await read('all_manifests', 'path')
  await read('all_files', 'file_path')
  const left: string[] = []
  for await (const { location } of io.list(metadata.location))
    if (!reached.has(location) && !location.endsWith('.metadata.json')) left.push(location)
  return left
}
