/**
 * The filesystem catalog: no server and no database, the folders of a warehouse are the catalog, as in Java's HadoopCatalog:
 *
 *   <warehouse>/<namespace>/.../<table>/metadata/v<N>.metadata.json
 *
 * A namespace is a folder, a table a folder with versions in it. So there are no properties of namespaces, a table lies in
 * the folder of its name and nowhere else, cannot be renamed, and is dropped with its files. Writing needs a lock that every
 * engine takes (`lock-impl`, as Java names it), or the word that nobody but serac writes here
 * (`filesystem.only-serac=true`); else the catalog is read-only.
 *
 * On S3 Java itself is safe only with the lock, and even so a writer that was frozen holding it overwrites what came since.
 * Prefer another catalog there.
 */
import { mapBounded } from '../base/concurrency.js'
import { LakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { FileIO, IoOptions } from '../io/file-io.js'
import { trimTrailingSlash } from '../io/location.js'
import type { Catalog, Namespace, NamespaceVerbs, TableVerbs } from './catalog.js'
import {
  checkNamespaceChange,
  namespaceExists,
  namespaceMissing,
  namespaceNotEmpty,
  tableMissing,
} from './catalog-errors.js'
import { createFilesystemCommits } from './filesystem-commit.js'
import { dropFolder } from './filesystem-drop.js'
import { folderAt, foldersOf } from './filesystem-folders.js'
import {
  checkFolderNames,
  checkMayWrite,
  type FilesystemContext,
  findVersion,
  rootOf,
} from './filesystem-tables.js'
import { metadataFolderOf } from './filesystem-versions.js'
import { createLockManager, createMemoryLockStore, type LockManager, lockSettings } from './lock.js'

export interface FilesystemCatalogOptions {
  /** Location of the folder that holds all. */
  readonly warehouse: string
  /**
   * `lock-impl` and what belongs to it (`lock.table`, ...); `lock.warehouse`: the warehouse as the other engines spell it, when
   * they do not spell it as here; `filesystem.only-serac`: true where nobody else writes.
   */
  readonly properties?: Readonly<Record<string, string>> | undefined
  /** Default `default`. */
  readonly name?: string | undefined
  readonly io: FileIO
  readonly runtime: Runtime
  /** Instead of `lock-impl`; closed with the catalog. */
  readonly lock?: LockManager | undefined
}

/** Opens the catalog; a warehouse that is missing is empty. @throws invalid-argument for properties that do not fit */
export async function openFilesystemCatalog(options: FilesystemCatalogOptions): Promise<Catalog> {
  const { io, runtime, properties = {} } = options
  const warehouse = trimTrailingSlash(options.warehouse)
  const context: FilesystemContext = {
    io,
    runtime,
    warehouse,
    folders: foldersOf(io, warehouse),
    lockRoot: trimTrailingSlash(properties['lock.warehouse'] ?? hadoopPath(warehouse)),
    writing: await writingOf(options),
    seen: new Map(),
  }
  return {
    name: options.name ?? 'default',
    multiTable: false,
    ...namespaceVerbs(context),
    ...tableVerbs(context),
    ...createFilesystemCommits(context),
    async close() {
      if (context.writing.kind === 'locked') await context.writing.lock.close()
    },
  }
}

/** As Hadoop prints a path: `file:///a` is `file:/a`. */
function hadoopPath(location: string): string {
  return location.replace(/^([A-Za-z][A-Za-z0-9+.-]*):\/\/(?=\/)/, '$1:')
}

// ---- writing

async function writingOf(options: FilesystemCatalogOptions): Promise<FilesystemContext['writing']> {
  const { io, properties = {} } = options
  const lock = options.lock ?? (await lockOf(options))
  const isAlone = properties['filesystem.only-serac']?.toLowerCase() === 'true'
  if (lock === undefined && !isAlone) return { kind: 'never' }
  if (!io.capabilities.conditionalWrites) {
    await lock?.close()
    throw new LakeError(
      'unsupported',
      'the storage of a filesystem catalog must create files conditionally',
      {
        context: { warehouse: options.warehouse },
      },
    )
  }
  return lock === undefined ? { kind: 'alone' } : { kind: 'locked', lock }
}

/** By the name of the class that Java takes, or its last part. */
async function lockOf({
  properties = {},
  runtime,
}: FilesystemCatalogOptions): Promise<LockManager | undefined> {
  const name = properties['lock-impl']
  if (name === undefined || name === '') return undefined
  const kind = /[^.$]*$/.exec(name)?.[0].toLowerCase()
  switch (kind) {
    case 'dynamodblockmanager':
    case 'dynamodb': {
      const { openDynamoDbLock } = await import('./dynamodb-lock.js')
      return openDynamoDbLock({ properties, runtime })
    }
    case 'inmemorylockmanager':
    case 'memory':
      return createLockManager(createMemoryLockStore(), { runtime, settings: lockSettings(properties) })
    default:
      throw new LakeError('unsupported', 'the kind of lock is not supported', {
        context: { property: 'lock-impl', value: name, known: ['dynamodb', 'memory'] },
      })
  }
}

// ---- namespaces

function namespaceVerbs(context: FilesystemContext): NamespaceVerbs {
  const { folders, warehouse } = context
  return {
    async createNamespace(namespace, properties = {}, options = {}) {
      checkFolderNames(namespace)
      checkMayWrite(context)
      if (Object.keys(properties).length > 0) throw noProperties(namespace)
      const folder = folderAt(warehouse, namespace)
      if (await folders.exists(folder, options)) throw namespaceExists(namespace)
      await folders.make(folder, options)
    },
    async dropNamespace(namespace, options = {}) {
      checkMayWrite(context)
      await checkNamespace(context, namespace, options)
      const outcome = await folders.remove(folderAt(warehouse, namespace), options)
      if (outcome === 'not-empty') throw namespaceNotEmpty(namespace, 'files')
    },
    async listNamespaces(parent = [], options = {}) {
      if (parent.length > 0) await checkNamespace(context, parent, options)
      const { namespaces } = await childrenOf(context, parent, options)
      return namespaces.map(name => [...parent, name])
    },
    async loadNamespace(namespace, options = {}) {
      await checkNamespace(context, namespace, options)
      return { location: folderAt(warehouse, namespace) }
    },
    async updateNamespace(namespace, change, options = {}) {
      await checkNamespace(context, namespace, options)
      checkNamespaceChange(change)
      throw noProperties(namespace)
    },
  }
}

function noProperties(namespace: Namespace): LakeError {
  return new LakeError('unsupported', 'a namespace of a filesystem catalog has no properties', {
    context: { namespace: namespace.join('.') },
  })
}

/** @throws not-found for what is not there, or a table */
async function checkNamespace(
  context: FilesystemContext,
  namespace: Namespace,
  options: IoOptions,
): Promise<void> {
  checkFolderNames(namespace)
  const folder = folderAt(context.warehouse, namespace)
  const isThere = await context.folders.exists(folder, options)
  if (!isThere || (await isTable(context, folder, options))) throw namespaceMissing(namespace)
}

const VERSION_NAMES = { beginning: 'v', ending: '.metadata.json' }

function isTable({ folders }: FilesystemContext, folder: string, options: IoOptions): Promise<boolean> {
  return folders.hasFile(metadataFolderOf(folder), VERSION_NAMES, options)
}

const FOLDERS_AT_ONCE = 8

/** Folders whose names nobody could ask for are passed over. */
async function childrenOf(
  context: FilesystemContext,
  namespace: Namespace,
  options: IoOptions,
): Promise<{ readonly namespaces: readonly string[]; readonly tables: readonly string[] }> {
  const folder = folderAt(context.warehouse, namespace)
  const namespaces: string[] = []
  const tables: string[] = []
  const names = (await context.folders.below(folder, options)).filter(name => !name.includes('.')).toSorted()
  const isOne = await mapBounded(names, name => isTable(context, folderAt(folder, [name]), options), {
    limit: FOLDERS_AT_ONCE,
    signal: options.signal,
  })
  names.forEach((name, index) => {
    ;(isOne[index] === true ? tables : namespaces).push(name)
  })
  return { namespaces, tables }
}

// ---- tables

function tableVerbs(context: FilesystemContext): TableVerbs {
  return {
    async listTables(namespace, options = {}) {
      await checkNamespace(context, namespace, options)
      const { tables } = await childrenOf(context, namespace, options)
      return tables.map(name => ({ namespace, name }))
    },
    async loadTable(identifier, options = {}) {
      const found = await findVersion(context, identifier, options)
      if (found === undefined || 'dropped' in found) throw tableMissing(identifier)
      return found.table
    },
    async tableExists(identifier, options = {}) {
      const found = await findVersion(context, identifier, options)
      return found !== undefined && 'table' in found
    },
    async defaultTableLocation(identifier) {
      return rootOf(context, identifier)
    },
    dropTable: (identifier, options = {}) => dropFolder(context, identifier, options),
    renameTable: () => Promise.reject(isItsFolder('be renamed')),
    registerTable: () => Promise.reject(isItsFolder('be registered from elsewhere')),
  }
}

function isItsFolder(wanted: string): LakeError {
  return new LakeError('unsupported', 'a table of a filesystem catalog is the folder of its name', {
    context: { wanted },
  })
}
