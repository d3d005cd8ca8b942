/** Opening a lake by its catalog's properties, named as PyIceberg names them. */
import { resolve } from 'node:path'
import { LakeError } from '../base/errors.js'
import { type Runtime, systemRuntime } from '../base/runtime.js'
import type { Catalog } from '../catalog/catalog.js'
import type { CommitEvent } from '../commit/commit-loop.js'
import { ioByScheme } from '../io/by-scheme.js'
import type { FileIO } from '../io/file-io.js'
import { createLocalIO } from '../io/local.js'
import { createStorageAccess, type StorageAccess } from '../io/storage-access.js'
import { keepManifests } from '../manifest/manifest-cache.js'
import type { GroupCommitOptions } from './context.js'
import { type Lake, openLake } from './lake.js'

export interface ConnectOptions {
  /**
   * Kind of catalog: `embedded` (default), a SQLite file beside the tables; `dynamodb`; `rest`; `filesystem`, folders with
   * version hints. Also by the names that others give them: `sql`, `jdbc`; `hadoop`.
   */
  readonly type?: string | undefined
  /**
   * Where tables go that name no location: a folder or an `s3://` location. Default `./lake` for embedded catalogs; made
   * when it is missing. Of a REST catalog: the name of the warehouse that the server knows.
   */
  readonly warehouse?: string | undefined
  /** Of an embedded catalog `sqlite:///<absolute path>`, default `<warehouse>/catalog.db`; of a REST catalog its address. */
  readonly uri?: string | undefined
  /** Name that keys the catalog's rows; default `default`. Another name shows an empty lake. */
  readonly name?: string | undefined
  /**
   * What else the catalog and the storage are told, by PyIceberg's and Java's names: `s3.endpoint`, `client.region`,
   * `dynamodb.table-name`, `token`, `lock-impl`, ...
   */
  readonly properties?: Readonly<Record<string, string>> | undefined
  /** False gives durability away for speed: a power failure may lose commits that were acknowledged. Default true. */
  readonly fsync?: boolean | undefined
  /** Folder that relative paths start from; default the working folder. */
  readonly baseFolder?: string | undefined
  /** Memory for manifests that scans have read, for the scans after them; default 16 MiB, 0 for none. */
  readonly manifestCacheBytes?: number | undefined
  /** Folder for what does not fit into memory while rows are sorted; default the system's folder for temporary files. */
  readonly spillFolder?: string | undefined
  /**
   * Appends that are made at the same time share a snapshot: small ones become many times as fast, and the table's
   * history stays short. Each is answered when it is durable. Default: each append has a commit of its own.
   */
  readonly groupCommit?: GroupCommitOptions | undefined
  /** Who writes, as `serac.actor` in the summary of each snapshot; a write may say it otherwise. */
  readonly actor?: string | undefined
  /** By which job, as `serac.job`. */
  readonly job?: string | undefined
  readonly runtime?: Runtime | undefined
  readonly onCommitEvent?: ((event: CommitEvent) => void) | undefined
}

const MANIFEST_CACHE_BYTES = 2 ** 24

/**
 * Opens a lake. Close it when done: `await using lake = await connect(...)`.
 * @throws invalid-argument for a kind of catalog that is not known, or properties that do not fit; denied, unavailable
 */
export async function connect(options: ConnectOptions = {}): Promise<Lake> {
  const runtime = options.runtime ?? systemRuntime
  const access = createStorageAccess(runtime)
  const properties = options.properties ?? {}
  const io = ioByScheme({
    local: createLocalIO({ fsync: options.fsync ?? true, runtime }),
    s3: async () => {
      const { createS3IO } = await import('../io/s3.js')
      return createS3IO({ properties, runtime, access })
    },
  })
  const { onCommitEvent, spillFolder, manifestCacheBytes = MANIFEST_CACHE_BYTES } = options
  keepManifests(io, { sizeBytesMax: manifestCacheBytes })
  const { catalog, warehouse } = await openCatalog(options, { io, runtime, access })
  return openLake({
    catalog,
    io,
    runtime,
    warehouse,
    onCommitEvent,
    spillFolder,
    actor: options.actor,
    job: options.job,
    groupCommit: checkedGrouping(options.groupCommit),
  })
}

/** An object of the lake's own: its groups are known by it. */
function checkedGrouping(options: GroupCommitOptions | undefined): GroupCommitOptions | undefined {
  if (options === undefined) return undefined
  const { lingerMsMax, rowsMax } = options
  if (lingerMsMax >= 0 && Number.isFinite(lingerMsMax) && (rowsMax ?? 1) >= 1) return { lingerMsMax, rowsMax }
  throw new LakeError('invalid-argument', 'a group waits 0 ms or more, and is full with 1 row or more', {
    context: { lingerMsMax, ...(rowsMax === undefined ? {} : { rowsMax }) },
  })
}

interface Surroundings {
  readonly io: FileIO
  readonly runtime: Runtime
  readonly access: StorageAccess
}

interface Opened {
  readonly catalog: Catalog
  /** Location of the warehouse, where the kind of catalog has one. */
  readonly warehouse: string | undefined
}

function openCatalog(options: ConnectOptions, on: Surroundings): Promise<Opened> {
  const type = options.type ?? 'embedded'
  switch (type) {
    case 'embedded':
    case 'sql':
    case 'jdbc':
      return openEmbedded(options, on)
    case 'dynamodb':
      return openDynamoDb(options, on)
    case 'filesystem':
    case 'hadoop':
      return openFilesystem(options, on)
    case 'rest':
      return openRest(options, on)
    case 'glue':
      throw new LakeError('unsupported', 'Glue is reached as a REST catalog', {
        context: {
          type,
          remedy:
            'type rest with uri https://glue.<region>.amazonaws.com/iceberg and rest.sigv4-enabled true',
        },
      })
    default:
      throw new LakeError('unsupported', 'this kind of catalog is not built', {
        context: { type, known: ['embedded', 'dynamodb', 'rest', 'filesystem'] },
      })
  }
}

async function openEmbedded(options: ConnectOptions, { io, runtime }: Surroundings): Promise<Opened> {
  const baseFolder = options.baseFolder ?? '.'
  const warehouse = warehouseLocation(options.warehouse ?? './lake', baseFolder)
  const { openEmbeddedCatalog } = await import('../catalog/embedded.js')
  const catalog = await openEmbeddedCatalog({
    path: sqlitePath(options.uri, { warehouse, baseFolder }),
    warehouse,
    name: options.name ?? 'default',
    fsync: options.fsync,
    io,
    runtime,
  })
  return { catalog, warehouse }
}

async function openDynamoDb(options: ConnectOptions, { io, runtime }: Surroundings): Promise<Opened> {
  const { warehouse: given, baseFolder = '.', properties = {}, name } = options
  const warehouse = given === undefined ? undefined : warehouseLocation(given, baseFolder)
  const { openDynamoDbCatalog } = await import('../catalog/dynamodb.js')
  return { catalog: await openDynamoDbCatalog({ properties, name, warehouse, io, runtime }), warehouse }
}

async function openFilesystem(options: ConnectOptions, { io, runtime }: Surroundings): Promise<Opened> {
  const { baseFolder = '.', properties = {}, name } = options
  const warehouse = warehouseLocation(options.warehouse ?? './lake', baseFolder)
  const { openFilesystemCatalog } = await import('../catalog/filesystem.js')
  return {
    catalog: await openFilesystemCatalog({ warehouse, properties, name, io, runtime }),
    warehouse,
  }
}

async function openRest(options: ConnectOptions, { io, runtime, access }: Surroundings): Promise<Opened> {
  const { uri, warehouse, name, properties = {} } = options
  if (uri === undefined) throw new LakeError('invalid-argument', 'a REST catalog needs its address as uri')
  const { openRestCatalog } = await import('../catalog/rest.js')
  const given = { ...properties, uri, ...(warehouse === undefined ? {} : { warehouse }) }
  return {
    catalog: await openRestCatalog({ properties: given, name, io, runtime, access }),
    warehouse: undefined,
  }
}

/** A path as the location of a folder; locations in stores stay as they are. */
function warehouseLocation(warehouse: string, baseFolder: string): string {
  if (/^file:/.test(warehouse)) return `file://${resolve(baseFolder, warehouse.replace(/^file:(\/\/)?/, ''))}`
  if (/^s3[an]?:\/\//.test(warehouse)) return warehouse.replace(/\/+$/, '')
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(warehouse))
    throw new LakeError('unsupported', 'a warehouse is a folder or a location in S3', {
      context: { warehouse },
    })
  return `file://${resolve(baseFolder, warehouse)}`
}

function sqlitePath(
  uri: string | undefined,
  { warehouse, baseFolder }: { readonly warehouse: string; readonly baseFolder: string },
): string {
  if (uri === undefined) {
    if (warehouse.startsWith('file://')) return `${warehouse.slice('file://'.length)}/catalog.db`
    throw new LakeError(
      'invalid-argument',
      'an embedded catalog with a warehouse in S3 needs the uri of its file',
      {
        context: { warehouse },
      },
    )
  }
  const match = /^(?:jdbc:sqlite:|sqlite:\/\/\/)(.+)$/.exec(uri)
  if (match?.[1] === undefined) {
    throw new LakeError('invalid-argument', 'the uri of an embedded catalog is sqlite:///<path>', {
      context: { uri },
    })
  }
  return resolve(baseFolder, match[1])
}
