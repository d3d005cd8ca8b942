/** Writers: processes that do one step after the other, die, and come again. Now and then all of them sleep for a night. */
import { isLakeError } from '../../src/base/errors.js'
import type { Target } from './faults.js'
import type { Process } from './network.js'
import { addsSnapshot, type NamedStep } from './steps.js'
import { DAY_STEPS, type Fate, type Known, landedWith, openedClient, textOf, type World } from './world.js'
import { type Client, doStep } from './writers.js'

const TRIES_MAX = 8
const REFUSALS: ReadonlySet<string> = new Set(['conflict', 'unavailable', 'not-found'])

/** Starts a writer; one that died goes on with the step that it may have to do once. */
export function startWriter(world: World, writer: number, unfinished?: Known): void {
  const { network, clock, random, truth } = world
  const process = network.process(`w${writer}`)
  let current = unfinished
  process.onDeath = () => {
    if (current !== undefined) tellFate(world, current, 'died')
    const again = current?.named.step.verb === 'once' ? current : undefined
    clock.later(500 + random() * 20_000, async () => startWriter(world, writer, again))
  }
  const work = async (): Promise<void> => {
    const client = await openedClient(world, process)
    for (let tries = 0; ; ) {
      if (current === undefined && isEnough(world)) return
      await pause(world, process)
      if (current === undefined && isEnough(world)) return
      current ??= begin(world, isMorning(world) ? world.steps.of('clean') : world.steps.next())
      process.step = current.named.name
      process.script = current.script
      const fate = await attempt(world, client, current)
      process.step = undefined
      process.script = undefined
      tellFate(world, current, fate)
      const isOver = fate === 'committed' || fate === 'unchanged' || ++tries > TRIES_MAX
      if (isOver || current.named.step.verb !== 'once') {
        current = undefined
        tries = 0
      }
    }
  }
  void work().catch(error => truth.violated(`the writer fails: ${textOf(error)}`))
}

function isEnough(world: World): boolean {
  return world.truth.violations.length > 0 || landedWith(world, { isCalm: false }) >= world.options.commits
}

function begin({ faults, service, known }: World, named: NamedStep): Known {
  const script = faults.script(surelyAsked(named, service.writesMetadata))
  const entry: Known = { named, script, fate: 'died' }
  known.set(named.name, entry)
  return entry
}

/** What a step asks for whatever happens. */
function surelyAsked({ step }: NamedStep, writesMetadata: boolean): readonly Target[] {
  if (step.verb === 'clean') return ['load', 'list']
  const swap: readonly Target[] = writesMetadata
    ? ['write-metadata', 'swap', 'swap']
    : ['read', 'swap', 'swap']
  const load: readonly Target[] = writesMetadata ? ['load'] : ['stat']
  return addsSnapshot(step)
    ? [...load, 'write-data', 'write-manifest', 'write-list', ...swap]
    : [...load, ...swap]
}

async function attempt({ truth }: World, client: Client, entry: Known): Promise<Fate> {
  try {
    return (await doStep(client, entry.named)) ? 'committed' : 'unchanged'
  } catch (error) {
    if (isLakeError(error, 'commit-state-unknown')) return 'unknown'
    if (isLakeError(error) && REFUSALS.has(error.kind)) return 'refused'
    truth.violated(`${entry.named.name} fails with ${textOf(error)}`)
    return 'refused'
  }
}

function tellFate({ fates }: World, entry: Known, fate: Fate): void {
  entry.fate = fate
  const key = `${entry.named.step.verb} ${fate}`
  fates.set(key, (fates.get(key) ?? 0) + 1)
}

/** Who comes first after a night cleans. */
function isMorning({ clock, night }: World): boolean {
  const nowMs = clock.nowMs()
  const isFirst = night.endMs > night.cleanedMs && nowMs >= night.endMs
  if (isFirst) night.cleanedMs = nowMs
  return isFirst
}

async function pause({ clock, truth, random, night }: World, process: Process): Promise<void> {
  if (truth.landed.size >= night.nextAt) {
    night.nextAt += DAY_STEPS
    night.endMs = clock.nowMs() + (1 + random() * 2) * 86_400_000
  }
  const untilMs = Math.max(0, night.endMs - clock.nowMs())
  await clock.wait(untilMs + process.runtime.random() ** 3 * 2_000, process)
}
