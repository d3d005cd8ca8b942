/**
 * A table as a server gives it: metadata, and how its files are reached. Metadata is the bytes of a metadata file,
 * put into the answer as they are and taken out as they are, so that a long history is not parsed on either side.
 *
 *   {"metadata-location": .., "metadata": <bytes of the file>, "config": {..}, "storage-credentials": [..]}
 *
 * @see Iceberg REST catalog specification, LoadTableResult, CommitTableResponse, LoadCredentialsResponse
 */
import { concatBytes, utf8Encode } from '../base/bytes.js'
import { type JsonObject, type JsonValue, stringifyJson } from '../base/json.js'
import {
  asObject,
  corruptField,
  objectsOf,
  optionalObject,
  optionalText,
  requiredText,
  textMapOf,
  textsOf,
} from '../base/json-fields.js'
import { documentSpans, parseSpan } from '../metadata/json-bytes.js'
import { given } from '../metadata/snapshot-json.js'
import { decodeTableMetadata, encodeTableMetadata } from '../metadata/stored-metadata.js'
import type { TableMetadata } from '../metadata/table-metadata.js'

/** Properties for files whose location begins with the prefix; of several the longest prefix counts. */
export interface StorageCredential {
  readonly prefix: string
  readonly config: Readonly<Record<string, string>>
}

/** What a client sends along, unchanged, to the server that signs its storage requests. */
export interface RemoteSigningConfig {
  readonly properties: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, readonly string[]>>
}

/** Answer of loading, creating, registering and committing a table. */
export interface TableAnswer {
  /** Undefined for a table that is staged: it is in no file yet. */
  readonly metadataLocation?: string | undefined
  readonly metadata: TableMetadata
  /** Over the catalog's properties, for this table. */
  readonly config: Readonly<Record<string, string>>
  readonly storageCredentials: readonly StorageCredential[]
  readonly remoteSigning?: RemoteSigningConfig | undefined
}

/** The bytes of an answer. `metadataBytes` are those of `metadata`, where the caller has them. */
export function encodeTableAnswer(
  answer: Pick<TableAnswer, 'metadata'> & Partial<TableAnswer>,
  options: { readonly metadataBytes?: Uint8Array | undefined } = {},
): Uint8Array {
  const { metadataLocation, metadata, config, storageCredentials, remoteSigning } = answer
  const before: JsonObject = given('metadata-location', metadataLocation)
  const after: JsonObject = {
    ...given('config', config),
    ...(storageCredentials === undefined || storageCredentials.length === 0
      ? {}
      : { 'storage-credentials': storageCredentials.map(serializeStorageCredential) }),
    ...given('remote-signing-config', remoteSigning && serializeRemoteSigning(remoteSigning)),
  }
  return concatBytes([
    utf8Encode(`{${membersOf(before, 'after')}"metadata":`),
    options.metadataBytes ?? encodeTableMetadata(metadata),
    utf8Encode(`${membersOf(after, 'before')}}`),
  ])
}

/** The members of an object as text, with a comma at that end if there are any. */
function membersOf(object: JsonObject, comma: 'before' | 'after'): string {
  if (Object.keys(object).length === 0) return ''
  const text = stringifyJson(object).slice(1, -1)
  return comma === 'before' ? `,${text}` : `${text},`
}

/**
 * The answer in the bytes, which must not be changed afterwards. `source` names it in errors that come from the
 * metadata, later too; `known` is taken for the metadata where it is that of the same file.
 * @throws corrupt, unsupported
 */
export function decodeTableAnswer(
  bytes: Uint8Array,
  options: {
    readonly source: string
    readonly known?: Pick<TableAnswer, 'metadataLocation' | 'metadata'> | undefined
  },
): TableAnswer {
  const { known, source } = options
  const { members } = documentSpans(bytes, new Set())
  const json: Record<string, JsonValue> = {}
  for (const [name, span] of members) if (name !== 'metadata') json[name] = parseSpan(bytes, span)
  const span = members.get('metadata')
  if (span === undefined) throw corruptField('metadata', 'object')
  const metadataLocation = optionalText(json, 'metadata-location')
  const remoteSigning = optionalObject(json, 'remote-signing-config')
  const isKnown = metadataLocation !== undefined && known?.metadataLocation === metadataLocation
  return {
    ...given('metadataLocation', metadataLocation),
    metadata: isKnown
      ? known.metadata
      : decodeTableMetadata(bytes.subarray(span.begin, span.end), { location: metadataLocation ?? source }),
    config: textMapOf(json, 'config'),
    storageCredentials: objectsOf(json, 'storage-credentials').map(parseStorageCredential),
    ...given('remoteSigning', remoteSigning && parseRemoteSigning(remoteSigning)),
  }
}

/** Answer of the credentials endpoint. @throws corrupt */
export function parseStorageCredentials(json: JsonObject): readonly StorageCredential[] {
  return objectsOf(json, 'storage-credentials').map(parseStorageCredential)
}

export function serializeStorageCredentials(credentials: readonly StorageCredential[]): JsonObject {
  return { 'storage-credentials': credentials.map(serializeStorageCredential) }
}

/** One of a list, as answers of planning have it too. @throws corrupt */
export function parseStorageCredential(json: JsonObject): StorageCredential {
  return { prefix: requiredText(json, 'prefix'), config: textMapOf(json, 'config') }
}

export function serializeStorageCredential({ prefix, config }: StorageCredential): JsonObject {
  return { prefix, config }
}

function parseRemoteSigning(json: JsonObject): RemoteSigningConfig {
  return { properties: textMapOf(json, 'properties'), headers: parseHeaders(json, 'headers') }
}

function serializeRemoteSigning({ properties, headers }: RemoteSigningConfig): JsonObject {
  return { properties, headers }
}

/** Headers of HTTP: several values each. @throws corrupt */
function parseHeaders(json: JsonObject, field: string): Readonly<Record<string, readonly string[]>> {
  const headers = asObject(json[field] ?? {}, field)
  return Object.fromEntries(Object.keys(headers).map(name => [name, textsOf(headers, name) ?? []]))
}
