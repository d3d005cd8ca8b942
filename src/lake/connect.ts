/** Opening a lake by its catalog's properties, named as PyIceberg names them. */
import { resolve } from 'node:path'
import { LakeError } from '../base/errors.js'
import { type Runtime, systemRuntime } from '../base/runtime.js'
import type { Catalog } from '../catalog/catalog.js'
import type { CommitEvent } from '../commit/commit-loop.js'
import { createLocalIO } from '../io/local.js'
import { keepManifests } from '../manifest/manifest-cache.js'
import type { GroupCommitOptions } from './context.js'
import { type Lake, openLake } from './lake.js'

export interface ConnectOptions {
  /** Kind of catalog; this version has `embedded`, a SQLite file in the warehouse. */
  readonly type?: string | undefined
  /** Folder of the lake; default `./lake`. Made when it is missing. */
  readonly warehouse?: string | undefined
  /** `sqlite:///<absolute path>` of the catalog file; default `<warehouse>/catalog.db`. */
  readonly uri?: string | undefined
  /** Name that keys the catalog's rows; default `default`. Another name shows an empty lake. */
  readonly name?: string | undefined
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
 * @throws unsupported for a kind of catalog that is not built; denied, unavailable
 */
export async function connect(options: ConnectOptions = {}): Promise<Lake> {
  const runtime = options.runtime ?? systemRuntime
  const io = createLocalIO({ fsync: options.fsync ?? true, runtime })
  const { onCommitEvent, spillFolder, manifestCacheBytes = MANIFEST_CACHE_BYTES } = options
  keepManifests(io, { sizeBytesMax: manifestCacheBytes })
  return openLake({
    catalog: await openCatalog(options, { io, runtime }),
    io,
    runtime,
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

async function openCatalog(
  options: ConnectOptions,
  on: { readonly io: ReturnType<typeof createLocalIO>; readonly runtime: Runtime },
): Promise<Catalog> {
  const type = options.type ?? 'embedded'
  if (type !== 'embedded' && type !== 'sql') {
    throw new LakeError('unsupported', 'this version has embedded catalogs only', { context: { type } })
  }
  const baseFolder = options.baseFolder ?? '.'
  const warehouse = localFolder(options.warehouse ?? './lake', baseFolder)
  const { openEmbeddedCatalog } = await import('../catalog/embedded.js')
  return openEmbeddedCatalog({
    path: options.uri === undefined ? `${warehouse}/catalog.db` : sqlitePath(options.uri, baseFolder),
    warehouse: `file://${warehouse}`,
    name: options.name ?? 'default',
    fsync: options.fsync,
    ...on,
  })
}

function localFolder(warehouse: string, baseFolder: string): string {
  if (/^file:/.test(warehouse)) return resolve(baseFolder, warehouse.replace(/^file:(\/\/)?/, ''))
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(warehouse)) {
    throw new LakeError('unsupported', 'an embedded catalog needs a local warehouse', {
      context: { warehouse },
    })
  }
  return resolve(baseFolder, warehouse)
}

function sqlitePath(uri: string, baseFolder: string): string {
  const match = /^(?:jdbc:sqlite:|sqlite:\/\/\/)(.+)$/.exec(uri)
  if (match?.[1] === undefined) {
    throw new LakeError('invalid-argument', 'the uri of an embedded catalog is sqlite:///<path>', {
      context: { uri },
    })
  }
  return resolve(baseFolder, match[1])
}
