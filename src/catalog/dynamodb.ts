/**
 * The DynamoDB catalog: an item for each table says which metadata file is current, and conditional writes change it.
 * Java's DynamoDbCatalog opens the same DynamoDB table and commits next to it.
 *
 * @see spec/dynamodb.md
 */
import type { Runtime } from '../base/runtime.js'
import { booleanProperty, firstProperty, type Properties } from '../io/aws-properties.js'
import type { FileIO } from '../io/file-io.js'
import { trimTrailingSlash } from '../io/location.js'
import type { Catalog } from './catalog.js'
import { dynamoDbSwaps } from './dynamodb-commit.js'
import { dynamoDbReadLeases } from './dynamodb-leases.js'
import { namespaceVerbs } from './dynamodb-namespaces.js'
import type { ItemStore, StoredItem } from './dynamodb-store.js'
import { findTable, recallTable, type TableContext, tableVerbs } from './dynamodb-tables.js'
import { dynamoDbTurns } from './dynamodb-turns.js'
import { dynamoDbViews } from './dynamodb-views.js'
import { dynamoDbWriteLeases } from './dynamodb-write-leases.js'
import { createPointerCommits } from './pointer-commit.js'
import { createSeenTables } from './seen-tables.js'

export interface DynamoDbCatalogOptions {
  readonly name?: string | undefined
  /** Where tables go whose namespace names no location. */
  readonly warehouse?: string | undefined
  /** False: readers do not say what they read, and expiry goes by age alone. Default true. */
  readonly readLeases?: boolean | undefined
  readonly io: FileIO
  readonly runtime: Runtime
}

export interface OpenDynamoDbCatalogOptions extends Omit<DynamoDbCatalogOptions, 'readLeases'> {
  readonly properties: Properties
  readonly signal?: AbortSignal | undefined
}

/**
 * Opens the catalog, and makes its DynamoDB table when it is missing. Properties: `dynamodb.table-name` (`table-name`;
 * default `iceberg`), `dynamodb.read-leases` (default true), `dynamodb.tags.<key>` for the table that is made, and those of
 * `awsClientConfig` for the service `dynamodb`.
 * @throws denied, unavailable; unsupported for a DynamoDB table of another layout; invalid-argument
 */
export async function openDynamoDbCatalog(options: OpenDynamoDbCatalogOptions): Promise<Catalog> {
  const { properties, runtime, signal } = options
  const { openAwsItems } = await import('./dynamodb-aws.js')
  const store = await openAwsItems({ properties, runtime, signal })
  return createDynamoDbCatalog(store, {
    ...options,
    warehouse: options.warehouse ?? firstProperty(properties, 'warehouse'),
    readLeases: booleanProperty(properties, 'dynamodb.read-leases', true),
  })
}

/** The catalog over a store, which `close` closes. */
export function createDynamoDbCatalog(items: ItemStore, options: DynamoDbCatalogOptions): Catalog {
  const { io, runtime, warehouse } = options
  const turns = dynamoDbTurns(items, runtime)
  const { store } = turns
  const context: TableContext = {
    store,
    runtime,
    io,
    seen: createSeenTables(io),
    items: new WeakMap(),
    warehouse: warehouse === undefined ? undefined : trimTrailingSlash(warehouse),
  }
  const leases = options.readLeases === false ? undefined : dynamoDbReadLeases(context)
  const writeLeases = dynamoDbWriteLeases(context)
  const verbs = tableVerbs(context)
  return {
    name: options.name ?? 'dynamodb',
    multiTable: true,
    leases,
    writeLeases,
    turns,
    views: dynamoDbViews(context),
    ...namespaceVerbs(context),
    ...verbs,
    async loadTable(identifier, options = {}) {
      const now = turns.takeItem(options.turn, identifier)
      const found = now && (await findTable(context, identifier, { ...options, now }))
      return typeof found === 'object' ? found.table : verbs.loadTable(identifier, options)
    },
    ...createPointerCommits<StoredItem>({
      io,
      runtime,
      find: (identifier, findOptions) => findTable(context, identifier, findOptions),
      recall: table => recallTable(context, table),
      ...dynamoDbSwaps(context, turns),
      keep: table => context.seen.keep(table),
    }),
    async close() {
      await turns.close()
      await leases?.close()
      await writeLeases.close()
      await store.close()
    },
  }
}
