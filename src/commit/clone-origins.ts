/**
 * What a clone knows of the tables whose files it reads: the one it was cloned from and, when that is a clone
 * itself, those before it. Kept as the table property `serac.clone-of`, the nearest first.
 */
import { LakeError } from '../base/errors.js'
import { isJsonObject, type JsonValue, parseJson, stringifyJson } from '../base/json.js'
import type { TableIdentifier } from '../catalog/catalog.js'
import { parseIdentifier, printIdentifier } from '../catalog/identifier.js'
import { comparableLocation, trimTrailingSlash } from '../io/location.js'
import { type HasProperties, property } from '../metadata/properties.js'
import type { TableMetadata } from '../metadata/table-metadata.js'

/** A table that a clone reads files of. */
export interface CloneOrigin {
  readonly identifier: TableIdentifier
  readonly uuid: string
  readonly location: string
  /** The snapshot of that table that holds the files: the clone's tag there keeps it. */
  readonly snapshotId: bigint
}

/** On a clone: its origins, as JSON. */
export const CLONE_OF = 'serac.clone-of'

const TAG_PREFIX = 'serac.clone.'

/** The tag on its origins that keeps the files of a clone. */
export function cloneTag(cloneUuid: string): string {
  return `${TAG_PREFIX}${cloneUuid}`
}

/** True for tags that clones hang on. */
export function isCloneTag(refName: string): boolean {
  return refName.startsWith(TAG_PREFIX)
}

/** The origins of a clone, nearest first; none for other tables. @throws corrupt */
export function cloneOrigins(table: HasProperties): readonly CloneOrigin[] {
  const text = property(table, CLONE_OF)
  if (text === undefined) return []
  try {
    const origins = parseJson(text)
    if (Array.isArray(origins)) return origins.map(originOf)
  } catch (cause) {
    throw unreadable(cause)
  }
  throw unreadable(undefined)
}

function originOf(json: JsonValue): CloneOrigin {
  if (isJsonObject(json)) {
    const { table, uuid, location, snapshotId } = json
    const id = typeof snapshotId === 'number' ? BigInt(snapshotId) : snapshotId
    if (
      typeof table === 'string' &&
      typeof uuid === 'string' &&
      typeof location === 'string' &&
      typeof id === 'bigint'
    ) {
      return { identifier: parseIdentifier(table), uuid, location, snapshotId: id }
    }
  }
  throw unreadable(undefined)
}

function unreadable(cause: unknown): LakeError {
  return new LakeError('corrupt', 'the table does not say readably what it was cloned from', {
    cause,
    context: { property: CLONE_OF },
  })
}

export function printCloneOrigins(origins: readonly CloneOrigin[]): string {
  return stringifyJson(
    origins.map(({ identifier, uuid, location, snapshotId }) => ({
      table: printIdentifier(identifier),
      uuid,
      location,
      snapshotId,
    })),
  )
}

/** Which files a table may delete: any, or, for a clone, those below its own location and below no origin's. */
export function ownershipOf(
  metadata: Pick<TableMetadata, 'properties' | 'location'>,
): (location: string) => boolean {
  const origins = cloneOrigins(metadata)
  if (origins.length === 0) return () => true
  const own = folderOf(metadata.location)
  const others = origins.map(origin => folderOf(origin.location))
  return location => {
    const file = comparableLocation(location)
    return file.startsWith(own) && !others.some(other => file.startsWith(other))
  }
}

/** For comparing with what lies below it. */
export function folderOf(location: string): string {
  return `${trimTrailingSlash(comparableLocation(location))}/`
}
