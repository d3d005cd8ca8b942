/** The catalogs of the world: what is behind the network, and what a process opens. */
import type { Catalog } from '../../src/catalog/catalog.js'
import { createDynamoDbCatalog } from '../../src/catalog/dynamodb.js'
import { type ItemKey, type ItemStore, type ItemWrite, keyOf } from '../../src/catalog/dynamodb-store.js'
import { createEmbeddedCatalog } from '../../src/catalog/embedded.js'
import { BUSY_RETRY_DEFAULT, type EmbeddedDb, openEmbeddedDb } from '../../src/catalog/embedded-db.js'
import { openFilesystemCatalog } from '../../src/catalog/filesystem.js'
import { createLockManager, createMemoryLockStore, type LockStore } from '../../src/catalog/lock.js'
import type { FileIO } from '../../src/io/file-io.js'
import { createMemoryItems } from '../catalog/memory-items.js'
import { askAgain, type Network, noAnswer, type Process } from './network.js'
import { pointerCatalog } from './pointer-catalog.js'
import type { Storage } from './storage.js'

export const CATALOG_KINDS = ['pointers', 'dynamodb', 'embedded', 'filesystem'] as const
export type CatalogKind = (typeof CATALOG_KINDS)[number]

export interface CatalogClient {
  readonly process: Process
  readonly io: FileIO
  /** How often a client asks again that got no answer. */
  readonly patience: number
  /** Around the items of the DynamoDB catalog. */
  readonly items?: ((store: ItemStore) => ItemStore) | undefined
  /** Around the locks of the filesystem catalog. */
  readonly locks?: ((store: LockStore) => LockStore) | undefined
}

export interface CatalogService {
  readonly isMultiTable: boolean
  /** False where the swap is the writing of the metadata file. */
  readonly writesMetadata: boolean
  /** Metadata locations by the names of tables. */
  pointers(): Promise<ReadonlyMap<string, string>>
  open(client: CatalogClient): Promise<Catalog>
  /** A file was written, which may be a pointer. */
  onWrite(location: string, by: string | undefined, isReplaced: boolean): Promise<void>
  /** A file of the catalog's own, that no table reaches. */
  isOwnFile(location: string): boolean
}

export interface ServiceOptions {
  readonly network: Network
  readonly storage: Storage
  readonly onChange: (by: string | undefined) => Promise<void>
  readonly violated: (what: string) => void
}

export async function openService(kind: CatalogKind, options: ServiceOptions): Promise<CatalogService> {
  switch (kind) {
    case 'pointers':
      return pointerService(options)
    case 'dynamodb':
      return dynamoDbService(options)
    case 'embedded':
      return embeddedService(options)
    case 'filesystem':
      return filesystemService(options)
  }
}

function pointerService({ network, onChange }: ServiceOptions): CatalogService {
  const pointers = new Map<string, string>()
  return {
    isMultiTable: true,
    writesMetadata: true,
    pointers: async () => pointers,
    open: async client => pointerCatalog({ pointers, onChange }, { network, ...client }),
    onWrite: async () => {},
    isOwnFile: () => false,
  }
}

const WAREHOUSE = 'memory://lake'

/** The real catalog over a table of items. */
function dynamoDbService({ network, onChange }: ServiceOptions): CatalogService {
  const items = createMemoryItems({ runtime: network.clock })
  const storeOf = ({ process, patience }: CatalogClient): ItemStore => {
    const sent = new Set<string>()
    return {
      async get(key) {
        const asked = {
          target: 'load',
          location: key.identifier,
          patience,
          work: () => items.get(key),
        } as const
        return (await askAgain(network, process, asked)).value
      },
      async write(writes, options) {
        const text = JSON.stringify(writes)
        const isLease = writes.length === 1 && writes.some(write => keyOf(write).identifier.startsWith('.'))
        const target = isPlace(writes) ? 'turn' : isLease ? 'lease' : sent.has(text) ? 'settle' : 'swap'
        sent.add(text)
        const reply = await network.request(process, target, async by => {
          const answer = await items.write(writes, options)
          await onChange(by)
          return answer
        })
        if (reply.status === 'answered') return reply.value
        const cause = noAnswer(reply.status, 'items')
        return reply.status === 'refused' ? { status: 'busy', cause } : { status: 'unknown', cause }
      },
      async query(query, options) {
        const work = () => items.query(query, options)
        return (await askAgain(network, process, { target: 'other', location: query.kind, patience, work }))
          .value
      },
      close: async () => {},
    }
  }
  return {
    isMultiTable: true,
    writesMetadata: true,
    async pointers() {
      const pointers = new Map<string, string>()
      for (const item of items.all()) {
        const location = item['p.metadata_location']
        if (typeof location === 'string') pointers.set(item.identifier, location)
      }
      return pointers
    },
    async open(client) {
      const store = client.items?.(storeOf(client)) ?? storeOf(client)
      const { io, process } = client
      const catalog = createDynamoDbCatalog(store, { warehouse: WAREHOUSE, io, runtime: process.runtime })
      // Writers here are few: they queue up as soon as they have lost.
      const turns = catalog.turns && { ...catalog.turns, manners: { ...catalog.turns.manners, lostMax: 1 } }
      return { ...catalog, turns }
    },
    onWrite: async () => {},
    isOwnFile: () => false,
  }
}

/** A place in a queue is taken or left. */
function isPlace(writes: readonly ItemWrite[]): boolean {
  const [write, second] = writes
  return write?.kind === 'update' && second === undefined && write.set.v === undefined && isTable(write.key)
}

function isTable({ identifier, namespace }: ItemKey): boolean {
  return identifier.startsWith(`${namespace}.`)
}

/** The real catalog over one SQLite database: all processes are of one machine. */
async function embeddedService({ network, onChange }: ServiceOptions): Promise<CatalogService> {
  const { runtime } = network.process('sqlite')
  const shared = await openEmbeddedDb({ path: ':memory:', runtime, busyRetry: BUSY_RETRY_DEFAULT })
  const dbOf = ({ process, patience }: CatalogClient): EmbeddedDb => ({
    async read(work) {
      const asked = {
        target: 'load',
        location: 'catalog.db',
        patience,
        work: () => shared.read(work),
      } as const
      return (await askAgain(network, process, asked)).value
    },
    async write(work) {
      const write = async (by: string | undefined) => {
        const outcome = await shared.write(work)
        await onChange(by)
        return outcome
      }
      const reply = await network.request(process, 'swap', write, { isLocal: true })
      if (reply.status === 'answered') return reply.value
      const cause = noAnswer(reply.status, 'catalog.db')
      if (reply.status === 'refused') throw cause
      return { status: 'unknown', cause }
    },
    close: async () => {},
  })
  return {
    isMultiTable: true,
    writesMetadata: true,
    async pointers() {
      const statement = 'SELECT table_name, metadata_location FROM iceberg_tables'
      const rows = await shared.read(sql =>
        sql.first("SELECT 1 FROM sqlite_master WHERE name = 'iceberg_tables'") === undefined
          ? []
          : sql.all(statement),
      )
      return new Map(rows.map(row => [`shop.${row.table_name}`, String(row.metadata_location)]))
    },
    open: client =>
      createEmbeddedCatalog(dbOf(client), {
        warehouse: WAREHOUSE,
        io: client.io,
        runtime: client.process.runtime,
      }),
    onWrite: async () => {},
    isOwnFile: () => false,
  }
}

const VERSION_FILE = /^memory:\/\/lake\/shop\/(\w+)\/metadata\/v(\d+)\.metadata\.json$/

/** The real catalog in folders, with locks: the current version is the file that was made last. */
function filesystemService({ network, onChange, violated }: ServiceOptions): CatalogService {
  const shared = createMemoryLockStore()
  const versions = new Map<string, number>()
  const pointers = new Map<string, string>()
  const locksOf = ({ process }: CatalogClient): LockStore => {
    const ask = async <T>(work: () => Promise<T>): Promise<T> => {
      const reply = await network.request(process, 'lock', work)
      if (reply.status === 'answered') return reply.value
      throw noAnswer(reply.status, 'lock')
    }
    return {
      get: (entityId, options) => ask(() => shared.get(entityId, options)),
      put: (entityId, item, options) => ask(() => shared.put(entityId, item, options)),
      remove: (entityId, ownerId) => ask(() => shared.remove(entityId, ownerId)),
      close: async () => {},
    }
  }
  return {
    isMultiTable: false,
    writesMetadata: false,
    pointers: async () => pointers,
    open(client) {
      const { runtime } = client.process
      const locks = client.locks?.(locksOf(client)) ?? locksOf(client)
      const lock = createLockManager(locks, { runtime })
      return openFilesystemCatalog({ warehouse: WAREHOUSE, io: client.io, runtime, lock })
    },
    async onWrite(location, by, isReplaced) {
      const [, name = '', version] = VERSION_FILE.exec(location) ?? []
      if (version === undefined) return
      // Old versions are emptied, and leave their names taken.
      const isOld = Number(version) < (versions.get(name) ?? 0)
      if (isReplaced && isOld) return
      if (isReplaced || isOld) violated(`${by}: makes ${location} again`)
      versions.set(name, Number(version))
      pointers.set(`shop.${name}`, location)
      await onChange(by)
    },
    isOwnFile: location => OWN_FILE.test(location),
  }
}

/** Hints, and what marks a folder. */
const OWN_FILE = /\/(version-hint\.text|\.namespace|)$/
