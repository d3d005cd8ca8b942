/**
 * Who may name which locations. Files are opened, written and deleted with the server's own keys, so a location in a
 * request is a wish for what those keys reach: files of other tables, and of the machine.
 *
 * | principal | may name | has opened for it, by plans, rows and purges |
 * |---|---|---|
 * | manages everything | any location | any file |
 * | others | what is below the folders of the table that it writes to | files below the folders of the table, those that it was cloned from, and `readableLocations` |
 *
 * The folders of a table are its location and those of its `write.*.path` properties. A new table goes where the catalog puts
 * it. Registering reads any file and believes what it says, so it is for those who manage everything, and so are the
 * location of a namespace and what a clone says about its origins.
 *
 * Clients that open files by themselves do so with keys of their own, or those of the credential hook: how far they reach
 * is up to whoever gives them.
 */
import { LakeError } from '../base/errors.js'
import type { TableIdentifier } from '../catalog/catalog.js'
import { printIdentifier } from '../catalog/identifier.js'
import { pathSegment } from '../catalog/table-location.js'
import { CLONE_OF, cloneOrigins, folderOf } from '../commit/clone-origins.js'
import type { FileIO } from '../io/file-io.js'
import { comparableLocation, joinLocation, trimTrailingSlash } from '../io/location.js'
import { FOLDER_PROPERTIES, tableFolders } from '../metadata/properties.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import type { TableUpdate } from '../metadata/table-update.js'
import type { ViewUpdate } from '../metadata/view-metadata.js'
import { confinedIO } from './confined-io.js'
import type { Principal } from './grants.js'
import type { RestRequest } from './rest-route.js'
import type { ServerContext } from './server-context.js'

type Asker = Pick<RestRequest, 'principal' | 'signal'>

/** True for who manages every table there is, so that no location leads it to what is kept from it. */
export function managesEverything({ grants }: Principal): boolean {
  const least = grants.findIndex(grant => grant.access !== 'manage')
  const whole = grants.findIndex(grant => grant.access === 'manage' && grant.namespace === undefined)
  return whole >= 0 && (least < 0 || whole < least)
}

/** For what names locations that nobody can check. @throws denied */
export function requireAnyLocation({ principal }: Asker, what: TableIdentifier): void {
  if (!managesEverything(principal)) throw notYours({ table: printIdentifier(what) })
}

/** Properties of a namespace by which catalogs place new tables. */
const PLACES: ReadonlySet<string> = new Set(['location', 'default_location'])

/** @throws denied for a change of where a namespace is */
export function checkNamespaceKeys({ principal }: Asker, keys: readonly string[]): void {
  const property = keys.find(key => PLACES.has(key))
  if (property !== undefined && !managesEverything(principal)) throw notYours({ property })
}

/**
 * The locations in a commit to a table or view that is there; `load` gives its state.
 * @throws denied; what `load` throws
 */
export async function checkUpdates(
  { principal }: Asker,
  updates: readonly (TableUpdate | ViewUpdate)[],
  load: () => Promise<{ readonly metadata: Pick<TableMetadata, 'location' | 'properties'> }>,
): Promise<void> {
  if (managesEverything(principal)) return
  const named = namedIn(updates)
  if (named.length === 0) return
  const { metadata } = await load()
  checkWithin(named, tableFolders(metadata))
}

/** The locations in the making of a table or view. @throws denied; what the catalog throws */
export async function checkNewUpdates(
  context: Pick<ServerContext, 'catalog' | 'io'>,
  { principal, signal }: Asker,
  made: { readonly identifier: TableIdentifier; readonly updates: readonly (TableUpdate | ViewUpdate)[] },
): Promise<void> {
  if (managesEverything(principal)) return
  const { identifier, updates } = made
  const locations = updates.flatMap(update => (update.action === 'set-location' ? [update.location] : []))
  const [first] = locations
  if (first !== undefined) await checkNewLocation(context, { identifier, location: first, signal })
  checkWithin(namedIn(updates), first === undefined ? [] : [first])
}

/**
 * A new table goes where the catalog puts it. One that was staged may have files there already, for which the catalog
 * would put another beside it; a folder with metadata is one of another table.
 */
async function checkNewLocation(
  { catalog, io }: Pick<ServerContext, 'catalog' | 'io'>,
  asked: {
    readonly identifier: TableIdentifier
    readonly location: string
    readonly signal: AbortSignal
  },
): Promise<void> {
  const { identifier, signal } = asked
  const location = trimTrailingSlash(asked.location)
  const usual = await catalog.defaultTableLocation(identifier, { signal })
  if (location === usual) return
  const plain = joinLocation(usual.slice(0, usual.lastIndexOf('/')), pathSegment(identifier.name))
  const isStaged = location.startsWith(plain) && /^(?:-[0-9a-f]{8})?$/.test(location.slice(plain.length))
  if (!isStaged) throw notYours({ location })
  for await (const { location: file } of io.list(`${location}/metadata/`, { signal }))
    if (file.endsWith('.metadata.json')) throw notYours({ location })
}

/** The files of a table that may be opened for who asks. */
export function ioFor(
  { io, readableLocations }: Pick<ServerContext, 'io' | 'readableLocations'>,
  { principal }: Asker,
  metadata: Pick<TableMetadata, 'location' | 'properties'>,
): FileIO {
  if (managesEverything(principal)) return io
  const origins = cloneOrigins(metadata).map(origin => origin.location)
  const folders = [...tableFolders(metadata), ...origins, ...readableLocations]
  return confinedIO(io, location => isWithin(location, folders))
}

// ---- locations in updates

function namedIn(updates: readonly (TableUpdate | ViewUpdate)[]): readonly string[] {
  return updates.flatMap(update => {
    switch (update.action) {
      case 'set-location':
        return [update.location]
      case 'set-properties':
        checkKeys(Object.keys(update.updates))
        return FOLDER_PROPERTIES.flatMap(name =>
          Object.hasOwn(update.updates, name) ? [update.updates[name] ?? ''] : [],
        )
      case 'remove-properties':
        checkKeys(update.removals)
        return []
      case 'add-snapshot': {
        const { manifestList, manifests = [] } = update.snapshot
        return manifestList === undefined ? manifests : [manifestList, ...manifests]
      }
      case 'set-statistics':
        return [update.statistics.statisticsPath]
      case 'set-partition-statistics':
        return [update.partitionStatistics.statisticsPath]
      default:
        return []
    }
  })
}

function checkKeys(keys: readonly string[]): void {
  if (keys.includes(CLONE_OF)) throw notYours({ property: CLONE_OF })
}

function checkWithin(locations: readonly string[], folders: readonly string[]): void {
  for (const location of locations) if (!isWithin(location, folders)) throw notYours({ location })
}

/** By the text alone: a path that goes up again is within nothing. */
function isWithin(location: string, folders: readonly string[]): boolean {
  if (/(?:^|[/\\])\.{1,2}(?:[/\\]|$)/.test(location)) return false
  const text = comparableLocation(location)
  return folders.some(
    folder => `${trimTrailingSlash(text)}/` === folderOf(folder) || text.startsWith(folderOf(folder)),
  )
}

function notYours(context: Readonly<Record<string, string>>): LakeError {
  return new LakeError('denied', 'only who manages everything may name this location', { context })
}
