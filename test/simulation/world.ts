/** What the parts of one simulated world share: clock, network, storage, catalog service, truth, and what was begun. */
import { isLakeError } from '../../src/base/errors.js'
import { keepManifests } from '../../src/manifest/manifest-cache.js'
import { seededRandom } from '../snapshot/world.js'
import type { Bug } from './bugs.js'
import { type CatalogKind, type CatalogService, openService } from './catalogs.js'
import { type Clock, createClock } from './clock.js'
import { createFaults, type FaultScript, type Faults } from './faults.js'
import { createNetwork, type Network, type Process } from './network.js'
import { type Contents, createContents } from './rows.js'
import { type NamedStep, type StepSource, stepSource } from './steps.js'
import { createStorage, type Storage } from './storage.js'
import { createTruth, type Truth } from './truth.js'
import { type Client, PARTS } from './writers.js'

export interface WorldOptions {
  readonly seed: number
  readonly catalog: CatalogKind
  /** Landed commits after which no step is begun any more. */
  readonly commits: number
  readonly bug?: Bug | undefined
}

/** How a step ended, as its writer was told; `died` when nobody was left to be told. */
export type Fate = 'committed' | 'unchanged' | 'refused' | 'unknown' | 'died'

export interface Known {
  readonly named: NamedStep
  readonly script: FaultScript
  fate: Fate
}

export interface World {
  readonly options: WorldOptions
  readonly random: () => number
  readonly clock: Clock
  readonly faults: Faults
  readonly network: Network
  readonly contents: Contents
  readonly storage: Storage
  readonly service: CatalogService
  readonly truth: Truth
  readonly steps: StepSource
  /** Every step that was begun, by its name. */
  readonly known: Map<string, Known>
  readonly fates: Map<string, number>
  /** Tries of a request before its process gives up. */
  readonly patience: number
  readonly formatVersion: 2 | 3
  readonly onSeen: Client['onSeen']
  readonly night: Night
  /** Whether anything goes wrong now. */
  isOn: boolean
}

/** A time in which nobody works. Who comes first after it cleans. */
export interface Night {
  endMs: number
  /** When somebody cleaned last. */
  cleanedMs: number
  /** Landed steps after which the next one begins. */
  nextAt: number
}

/** Landed steps between two nights. */
export const DAY_STEPS = 25

export const TABLES: readonly ['orders', 'items'] = ['orders', 'items']

export async function createWorld(options: WorldOptions): Promise<World> {
  const { seed, bug } = options
  const random = seededRandom(seed)
  const clock = createClock()
  const faults = createFaults({
    random: seededRandom(seed + 1),
    chance: 0.01 + 0.03 * random(),
    isOn: () => world.isOn,
  })
  const skewMsMax = random() < 0.5 || bug !== undefined ? 0 : 30_000
  const network = createNetwork({ clock, faults, seed, skewMsMax })
  const contents = createContents()
  const known = new Map<string, Known>()
  const saw = new Map<string, bigint | undefined>()
  const truth = createTruth({
    storage: () => storage,
    contents,
    pointers: () => service.pointers(),
    stepOf: name => known.get(name)?.named,
    sawOf: name => saw.get(name),
  })
  const storage: Storage = createStorage({
    network,
    random: seededRandom(seed + 2),
    onWrite: (location, by, isReplaced) => service.onWrite(location, by, isReplaced),
    onDelete: (location, by) => truth.fileDeleted(location, by ?? 'nobody'),
  })
  const service = await openService(options.catalog, {
    network,
    storage,
    onChange: truth.look,
    violated: truth.violated,
  })
  const patience = random() < 0.2 ? 1 : 4
  const formatVersion = random() < 0.5 ? 2 : 3
  const steps = stepSource(seededRandom(seed + 3), { ...service, favours: bug?.favours })
  const world: World = {
    ...{ options, random, clock, faults, network, contents, storage, service, truth, steps, known },
    ...{ patience, formatVersion },
    fates: new Map(),
    night: { endMs: 0, cleanedMs: 0, nextAt: DAY_STEPS },
    onSeen: (step, head) => void saw.set(step, head),
    isOn: false,
  }
  return world
}

/** Steps that have landed, by whether a fault came before. */
export function landedWith(world: World, { isCalm }: { readonly isCalm: boolean }): number {
  let sum = 0
  for (const name of world.truth.landed.keys()) {
    const script = world.known.get(name)?.script
    if (script !== undefined && (script.count === 0) === isCalm) sum += 1
  }
  return sum
}

/** A process's view of the lake, with what the planted bug changes in it. */
export async function openClient(world: World, process: Process): Promise<Client> {
  const { bug } = world.options
  const { storage, service, contents, patience, onSeen } = world
  bug?.process?.(process)
  const plain = storage.ioOf(process, patience)
  const io = bug?.io?.(plain) ?? plain
  keepManifests(io, { sizeBytesMax: 2 ** 20 })
  const opened = await service.open({ process, io, patience, items: bug?.items, locks: bug?.locks })
  const catalog = bug?.catalog?.(opened) ?? opened
  const parts = {
    ...PARTS,
    slowShare: bug?.slowShare ?? PARTS.slowShare,
    orphanAgesMs: bug?.agesMs ?? PARTS.orphanAgesMs,
    ...bug?.parts,
  }
  return { process, io, catalog, contents, parts, onSeen }
}

/** Services may be busy at first. */
export async function openedClient(world: World, process: Process): Promise<Client> {
  for (;;) {
    try {
      return await openClient(world, process)
    } catch (error) {
      if (!isLakeError(error, 'unavailable')) throw error
      await world.clock.wait(1_000, process)
    }
  }
}

/** Runs work of a process that meets no faults, to its end. */
export async function driven({ clock, truth }: World, work: () => Promise<void>): Promise<void> {
  let failure: unknown
  void work().catch(error => {
    failure = error
  })
  await clock.run()
  if (failure !== undefined) truth.violated(`a process without faults fails: ${textOf(failure)}`)
}

export function textOf(error: unknown): string {
  return error instanceof Error ? String(error.stack) : String(error)
}
