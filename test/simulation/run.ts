/**
 * One world from a seed: a few writers, whose processes die and come again, work on two tables until enough commits have
 * landed that met a fault; then all that is on its way arrives, orphans are removed, and what is there is compared with what
 * the writers were told.
 */
import { isLakeError } from '../../src/base/errors.js'
import { removeOrphans } from '../../src/maintenance/orphans.js'
import { keepManifests } from '../../src/manifest/manifest-cache.js'
import { readTableMetadata } from '../../src/metadata/metadata-file.js'
import { newTableUpdates } from '../../src/metadata/new-table.js'
import { seededRandom } from '../snapshot/world.js'
import type { Bug } from './bugs.js'
import { type CatalogKind, openService } from './catalogs.js'
import { createClock } from './clock.js'
import { createFaults, type FaultScript, type Target } from './faults.js'
import { createNetwork, type Process } from './network.js'
import { createContents } from './rows.js'
import { addsSnapshot, type NamedStep, stepSource } from './steps.js'
import { createStorage, type Storage } from './storage.js'
import { createTruth, type Truth } from './truth.js'
import { type Client, doStep, PARTS, tableOf } from './writers.js'

export interface WorldOptions {
  readonly seed: number
  readonly catalog: CatalogKind
  /** Landed commits after which no step is begun any more. */
  readonly commits: number
  readonly bug?: Bug | undefined
}

/** How a step ended, as its writer was told; `died` when nobody was left to be told. */
export type Fate = 'committed' | 'unchanged' | 'refused' | 'unknown' | 'died'

export interface WorldReport {
  readonly seed: number
  readonly catalog: CatalogKind
  /** Landed, and met a fault before. */
  readonly commits: number
  /** Landed without. */
  readonly calmCommits: number
  readonly faults: ReadonlyMap<string, number>
  readonly fates: ReadonlyMap<string, number>
  readonly violations: readonly string[]
}

const WRITERS = 4
const TABLES = ['orders', 'items'] as const

export async function runWorld(options: WorldOptions): Promise<WorldReport> {
  const world = await createWorld(options)
  await world.run()
  return world.report()
}

interface Known {
  readonly named: NamedStep
  readonly script: FaultScript
  fate: Fate
}

async function createWorld(options: WorldOptions) {
  const { seed, commits: commitsMax, bug } = options
  const random = seededRandom(seed)
  const clock = createClock()
  let isOn = false
  const faults = createFaults({
    random: seededRandom(seed + 1),
    chance: 0.01 + 0.03 * random(),
    isOn: () => isOn,
  })
  const network = createNetwork({
    clock,
    faults,
    seed,
    skewMsMax: random() < 0.5 || bug !== undefined ? 0 : 30_000,
  })
  const contents = createContents()
  const known = new Map<string, Known>()
  const saw = new Map<string, bigint | undefined>()
  const truth: Truth = createTruth({
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
  const fates = new Map<string, number>()
  let nightEndMs = 0
  let cleanedMs = 0
  let nextNight = 25

  const landedWith = (isCalm: boolean): number => {
    let sum = 0
    for (const name of truth.landed.keys()) {
      const script = known.get(name)?.script
      if (script !== undefined && (script.count === 0) === isCalm) sum += 1
    }
    return sum
  }

  const openClient = async (process: Process): Promise<Client> => {
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
    const client: Client = {
      process,
      io,
      catalog,
      contents,
      parts,
      onSeen: (step, head) => void saw.set(step, head),
    }
    return client
  }

  /** Services may be busy at first. */
  const openedClient = async (process: Process): Promise<Client> => {
    for (;;) {
      try {
        return await openClient(process)
      } catch (error) {
        if (!isLakeError(error, 'unavailable')) throw error
        await clock.wait(1_000, process)
      }
    }
  }

  // ---- a writer

  const begin = (named: NamedStep): Known => {
    const script = faults.script(surelyAsked(named, service.writesMetadata))
    const entry: Known = { named, script, fate: 'died' }
    known.set(named.name, entry)
    return entry
  }
  const tellFate = (entry: Known, fate: Fate): void => {
    entry.fate = fate
    const key = `${entry.named.step.verb} ${fate}`
    fates.set(key, (fates.get(key) ?? 0) + 1)
  }
  const attempt = async (client: Client, entry: Known): Promise<Fate> => {
    try {
      return (await doStep(client, entry.named)) ? 'committed' : 'unchanged'
    } catch (error) {
      if (isLakeError(error, 'commit-state-unknown')) return 'unknown'
      if (isLakeError(error) && REFUSALS.has(error.kind)) return 'refused'
      truth.violated(`${entry.named.name} fails with ${error instanceof Error ? error.stack : String(error)}`)
      return 'refused'
    }
  }
  const startWriter = (writer: number, unfinished: Known | undefined): void => {
    const process = network.process(`w${writer}`)
    let current = unfinished
    process.onDeath = () => {
      if (current !== undefined) tellFate(current, 'died')
      const again = current?.named.step.verb === 'once' ? current : undefined
      clock.later(500 + random() * 20_000, async () => startWriter(writer, again))
    }
    const work = async (): Promise<void> => {
      const client = await openedClient(process)
      for (let tries = 0; ; ) {
        if (current === undefined && isEnough()) return
        await pause(process)
        if (current === undefined && isEnough()) return
        current ??= begin(isMorning() ? steps.of('clean') : steps.next())
        process.step = current.named.name
        process.script = current.script
        const fate = await attempt(client, current)
        process.step = undefined
        process.script = undefined
        tellFate(current, fate)
        const isOver = fate === 'committed' || fate === 'unchanged' || ++tries > 8
        if (isOver || current.named.step.verb !== 'once') {
          current = undefined
          tries = 0
        }
      }
    }
    void work().catch(error => truth.violated(`the writer fails: ${textOf(error)}`))
  }
  const isEnough = (): boolean => truth.violations.length > 0 || landedWith(false) >= commitsMax
  /** Who comes first after a night cleans. */
  const isMorning = (): boolean => {
    const isFirst = nightEndMs > cleanedMs && clock.nowMs() >= nightEndMs
    if (isFirst) cleanedMs = clock.nowMs()
    return isFirst
  }
  const pause = async (process: Process): Promise<void> => {
    if (truth.landed.size >= nextNight) {
      nextNight += 25
      nightEndMs = clock.nowMs() + (1 + random() * 2) * 86_400_000
    }
    const untilMs = Math.max(0, nightEndMs - clock.nowMs())
    await clock.wait(untilMs + process.runtime.random() ** 3 * 2_000, process)
  }

  // ---- from beginning to end

  const run = async (): Promise<void> => {
    const founder = network.process('founder')
    await driven(async () => {
      const client = await openClient(founder)
      await client.catalog.createNamespace(['shop'])
      for (const name of TABLES) {
        const updates = newTableUpdates({
          schema: {
            fields: [{ id: 1, name: 'id', required: true, type: { kind: 'long' } }],
            identifierFieldIds: [1],
          },
          location: `memory://lake/shop/${name}`,
          formatVersion,
          properties: {
            'write.metadata.previous-versions-max': String(
              random() < 0.5 ? 100 : 4 + Math.floor(random() * 10),
            ),
            'write.metadata.delete-after-commit.enabled': String(random() < 0.3),
            'write.manifest.compression-codec': 'uncompressed',
            'write.merge.mode': random() < 0.5 ? 'copy-on-write' : 'merge-on-read',
            'commit.manifest.min-count-to-merge': String(3 + Math.floor(random() * 12)),
          },
          uuid: founder.runtime.uuid(),
        })
        await client.catalog.commit([
          { identifier: tableOf(name), requirements: [{ type: 'assert-create' }], updates },
        ])
      }
    })
    isOn = true
    for (let writer = 0; writer < WRITERS; writer++) startWriter(writer, undefined)
    await clock.run()
    isOn = false
    if (truth.violations.length > 0) return
    checkFates()
    await checkEnd()
  }
  const driven = async (work: () => Promise<void>): Promise<void> => {
    let failure: unknown
    void work().catch(error => {
      failure = error
    })
    await clock.run()
    if (failure !== undefined) truth.violated(`a process without faults fails: ${textOf(failure)}`)
  }
  const checkFates = (): void => {
    for (const { named, fate } of known.values()) {
      const { name, step } = named
      const times = truth.landed.get(name) ?? 0
      const isOnce = step.verb === 'once'
      const mostTimes = step.verb === 'expire' || isOnce ? 9 : 1
      // A change of metadata alone may be there by somebody else, who made the very same.
      const leastTimes = addsSnapshot(step) || step.verb === 'property' ? 1 : 0
      if (fate === 'committed' && (times < leastTimes || times > mostTimes))
        truth.violated(`${name} was acknowledged and landed ${times} times`)
      if (fate === 'refused' && times > 0 && addsSnapshot(step) && !isOnce)
        truth.violated(`${name} was refused and landed ${times} times`)
      if (times > mostTimes) truth.violated(`${name} landed ${times} times`)
    }
  }
  /** Nothing is left but what the tables reach. */
  const checkEnd = async (): Promise<void> => {
    const cleaner = network.process('cleaner')
    await driven(async () => {
      await clock.wait(20 * 86_400_000, cleaner)
      const client = await openClient(cleaner)
      for (const name of TABLES)
        await removeOrphans(client.catalog, tableOf(name), { io: client.io, runtime: cleaner.runtime })
    })
    const reached = new Set([...truth.reached(), ...truth.wasCurrent])
    for (const { metadata } of truth.tables.values())
      for (const { metadataFile } of metadata.metadataLog) reached.add(metadataFile)
    for (const location of storage.locations())
      if (!reached.has(location) && !service.isOwnFile(location))
        truth.violated(`nothing refers to ${location}`)
    for (const { location } of truth.tables.values()) await readTableMetadata(storage.io, location)
  }
  const report = (): WorldReport => ({
    seed,
    catalog: options.catalog,
    commits: landedWith(false),
    calmCommits: landedWith(true),
    faults: faults.counts,
    fates,
    violations: truth.violations,
  })
  return { run, report }
}

function textOf(error: unknown): string {
  return error instanceof Error ? String(error.stack) : String(error)
}

const REFUSALS: ReadonlySet<string> = new Set(['conflict', 'unavailable', 'not-found'])

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
