/** Where a new table goes when its creator names no location. */
import type { Runtime } from '../base/runtime.js'
import type { FileIO, IoOptions } from '../io/file-io.js'
import { joinLocation } from '../io/location.js'

/**
 * `<folder>/<table>`. When files are there already, of a table that was dropped or renamed, the folder gets a suffix:
 * two tables in one folder would lose files to each other's orphan removal.
 */
export async function freeTableLocation(
  on: { readonly io: FileIO; readonly runtime: Runtime },
  place: { readonly folder: string; readonly name: string },
  options: IoOptions,
): Promise<string> {
  const location = joinLocation(place.folder, pathSegment(place.name))
  for await (const _ of on.io.list(`${location}/`, options))
    return `${location}-${on.runtime.uuid().slice(0, 8)}`
  return location
}

/** A name as one segment of a path: separators become percent codes, and a name of dots alone gets something before it. */
export function pathSegment(name: string): string {
  if (/^\.+$/.test(name)) return `_${name}`
  return name.replace(/[%/\\]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}
