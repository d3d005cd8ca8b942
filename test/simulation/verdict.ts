/** What is there in the end, compared with what the writers were told. */
import { removeOrphans } from '../../src/maintenance/orphans.js'
import { readTableMetadata } from '../../src/metadata/metadata-file.js'
import { addsSnapshot } from './steps.js'
import { driven, openClient, TABLES, type World } from './world.js'
import { tableOf } from './writers.js'

/** Steps that may land again: somebody asks for them once more, and has what was asked for. */
const REPEATS_MAX = 9

/** Each step has landed as often as its writer was told. */
export function checkFates({ known, truth }: World): void {
  for (const { named, fate } of known.values()) {
    const { name, step } = named
    const times = truth.landed.get(name) ?? 0
    const isOnce = step.verb === 'once'
    const mostTimes = step.verb === 'expire' || isOnce ? REPEATS_MAX : 1
    // A change of metadata alone may be there by somebody else, who made the very same.
    const leastTimes = addsSnapshot(step) || step.verb === 'property' ? 1 : 0
    if (fate === 'committed' && (times < leastTimes || times > mostTimes))
      truth.violated(`${name} was acknowledged and landed ${times} times`)
    if (fate === 'refused' && times > 0 && addsSnapshot(step) && !isOnce)
      truth.violated(`${name} was refused and landed ${times} times`)
    if (times > mostTimes) truth.violated(`${name} landed ${times} times`)
  }
}

/** After orphans are removed nothing is left but what the tables reach. */
export async function checkEnd(world: World): Promise<void> {
  const { network, clock, truth, storage, service } = world
  const cleaner = network.process('cleaner')
  await driven(world, async () => {
    await clock.wait(20 * 86_400_000, cleaner)
    const { catalog, io } = await openClient(world, cleaner)
    for (const name of TABLES) await removeOrphans(catalog, tableOf(name), { io, runtime: cleaner.runtime })
  })
  const reached = new Set([...truth.reached(), ...truth.wasCurrent])
  for (const { metadata } of truth.tables.values())
    for (const { metadataFile } of metadata.metadataLog) reached.add(metadataFile)
  for (const location of storage.locations())
    if (!reached.has(location) && !service.isOwnFile(location))
      truth.violated(`nothing refers to ${location}`)
  for (const { location } of truth.tables.values()) await readTableMetadata(storage.io, location)
}
