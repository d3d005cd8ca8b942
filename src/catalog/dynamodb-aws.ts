/**
 * The table of the catalog in DynamoDB: requests as the SDK sends them, once each, and what its answers mean.
 */
import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import { abortedError, checkSignal, LakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import { awsClientConfig } from '../io/aws-config.js'
import { awsErrorCause } from '../io/aws-errors.js'
import { firstProperty, type Properties } from '../io/aws-properties.js'
import { dynamoDbError, isBusyCode, writeFailure } from './dynamodb-errors.js'
import { type Attributes, itemOf, keyAttributes, queryRequest, writeRequest } from './dynamodb-requests.js'
import {
  checkWrites,
  type ItemKey,
  type ItemPage,
  type ItemQuery,
  type ItemRefusal,
  type ItemStore,
  type ItemStoreOptions,
  type ItemWrite,
  type ItemWriteAnswer,
  isTransaction,
  type StoredItem,
} from './dynamodb-store.js'
import { type AwsTable, ensureTable } from './dynamodb-table.js'

/** Opens the table that properties name, and makes it when it is missing. @throws denied, unavailable, unsupported */
export async function openAwsItems(options: {
  readonly properties: Properties
  readonly runtime: Runtime
  readonly signal?: AbortSignal | undefined
}): Promise<ItemStore> {
  const { properties } = options
  const client = new DynamoDBClient(await awsClientConfig(properties, 'dynamodb'))
  const tableName = firstProperty(properties, 'dynamodb.table-name', 'table-name') ?? 'iceberg'
  const table: AwsTable = { client, tableName }
  try {
    await ensureTable(table, options)
    return createAwsItems(table)
  } catch (error) {
    client.destroy()
    throw dynamoDbError(error, tableName)
  }
}

/** The store over a table that is there; `close` closes the client. */
export function createAwsItems(table: AwsTable): ItemStore {
  return {
    async get(key, { signal } = {}) {
      const command = new GetItemCommand({
        TableName: table.tableName,
        Key: keyAttributes(key),
        ConsistentRead: true,
      })
      const { Item } = await read(table, signal, () => table.client.send(command, withSignal(signal)))
      return Item === undefined ? undefined : storedItem(Item)
    },
    async write(writes, options = {}) {
      checkSignal(options.signal)
      checkWrites(writes)
      try {
        const shown = await send(table, writes, options)
        return { status: 'done', item: shown && storedItem(shown) }
      } catch (error) {
        return writeAnswer(error, table)
      }
    },
    query: (query, options = {}) => queryPage(table, query, options),
    async close() {
      table.client.destroy()
    },
  }
}

function withSignal(signal: AbortSignal | undefined): { readonly abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal }
}

/** @throws unavailable, denied, not-found, aborted */
async function read<T>(
  { tableName }: AwsTable,
  signal: AbortSignal | undefined,
  send: () => Promise<T>,
): Promise<T> {
  checkSignal(signal)
  try {
    return await send()
  } catch (error) {
    if (signal?.aborted) throw abortedError(signal)
    throw dynamoDbError(error, tableName)
  }
}

// ---- items

function storedItem(attributes: Attributes): StoredItem {
  const item = itemOf(attributes)
  return { ...item, identifier: String(item.identifier), namespace: String(item.namespace) }
}

// ---- writing

/** @returns the item, where the write shows it */
async function send(
  { client, tableName }: AwsTable,
  writes: readonly ItemWrite[],
  { token, signal }: { readonly token?: string | undefined } & ItemStoreOptions,
): Promise<Attributes | undefined> {
  const items = writes.map(write => writeRequest(write, tableName))
  const [first] = items
  const options = withSignal(signal)
  if (isTransaction(writes, token)) {
    const once = token === undefined ? {} : { ClientRequestToken: token }
    await client.send(new TransactWriteItemsCommand({ TransactItems: items, ...once }), options)
  } else if (first?.Put !== undefined) await client.send(new PutItemCommand(first.Put), options)
  else if (first?.Delete !== undefined) await client.send(new DeleteItemCommand(first.Delete), options)
  else if (first?.Update !== undefined) {
    const isShown = writes[0]?.kind === 'update' && writes[0].isShown === true
    const input = { ...first.Update, ...(isShown ? { ReturnValues: 'ALL_NEW' as const } : {}) }
    return (await client.send(new UpdateItemCommand(input), options)).Attributes
  }
  return undefined
}

/** What became of a write that the SDK threw for. @throws for what was certainly not applied and never will be */
function writeAnswer(error: unknown, table: AwsTable): ItemWriteAnswer {
  const refusals = refusalsOf(error)
  if (refusals.length > 0) return { status: 'refused', refusals }
  if (error instanceof TransactionCanceledException) return cancelledAnswer(error, table)
  const failure = writeFailure(error)
  if (failure === 'certain') throw dynamoDbError(error, table.tableName)
  return { status: failure, cause: dynamoDbError(error, table.tableName) }
}

function refusalsOf(error: unknown): readonly ItemRefusal[] {
  if (error instanceof ConditionalCheckFailedException) return [refusal(0, error.Item)]
  if (!(error instanceof TransactionCanceledException)) return []
  return (error.CancellationReasons ?? []).flatMap(({ Code, Item }, index) =>
    Code === 'ConditionalCheckFailed' ? [refusal(index, Item)] : [],
  )
}

function refusal(index: number, item: Attributes | undefined): ItemRefusal {
  return { index, found: item === undefined ? undefined : storedItem(item) }
}

/** A transaction that was cancelled, but for no condition: nothing of it was applied. */
function cancelledAnswer(error: TransactionCanceledException, { tableName }: AwsTable): ItemWriteAnswer {
  const codes = (error.CancellationReasons ?? []).map(({ Code }) => Code ?? 'None')
  const broken = codes.find(code => code !== 'None' && !isBusyCode(code))
  if (broken === undefined) return { status: 'busy', cause: dynamoDbError(error, tableName) }
  throw new LakeError('invalid-argument', 'DynamoDB does not accept the transaction', {
    context: { table: tableName, reason: broken },
    cause: awsErrorCause(error),
  })
}

// ---- queries

async function queryPage(
  table: AwsTable,
  query: ItemQuery,
  { after, signal }: ItemStoreOptions & { readonly after?: ItemKey | undefined },
): Promise<ItemPage> {
  const { kind, input } = queryRequest(query, table.tableName, after)
  const command = kind === 'query' ? new QueryCommand(input) : new ScanCommand(input)
  const answer = await read(table, signal, () => table.client.send(command, withSignal(signal)))
  const items = (answer.Items ?? []).map(storedItem)
  const last = answer.LastEvaluatedKey
  if (last === undefined) return { items }
  const { identifier, namespace } = storedItem(last)
  return { items, next: { identifier, namespace } }
}
