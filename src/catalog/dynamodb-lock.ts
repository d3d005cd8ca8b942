/**
 * Locks in DynamoDB, in a table that Java's DynamoDbLockManager shares:
 *
 *   entityId (hash) S | ownerId S, version S, leaseDurationMs N
 *
 * `lock.table` names it; it is made as Java makes it when it is missing. Requests are not repeated here: `lock.ts` knows which
 * may be.
 * @see spec/dynamodb.md
 */
import {
  type AttributeValue,
  ConditionalCheckFailedException,
  CreateTableCommand,
  DeleteItemCommand,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  type PutItemCommandInput,
  type TableDescription,
} from '@aws-sdk/client-dynamodb'
import { unreachable } from '../base/assert.js'
import { abortedError, checkSignal, LakeError } from '../base/errors.js'
import { backoffMs } from '../base/retry.js'
import type { Runtime } from '../base/runtime.js'
import { awsClientConfig } from '../io/aws-config.js'
import { awsErrorName } from '../io/aws-errors.js'
import { firstProperty, type Properties } from '../io/aws-properties.js'
import { dynamoDbError, writeFailure } from './dynamodb-errors.js'
import {
  createLockManager,
  type LockCondition,
  type LockItem,
  type LockManager,
  type LockStore,
  lockSettings,
} from './lock.js'

interface LockTable {
  readonly client: DynamoDBClient
  readonly tableName: string
}

/**
 * Opens the lock table that `lock.table` names; `dynamodb.*` and `client.*` say how it is reached, `lock.*` how long things take.
 * @throws invalid-argument without `lock.table`; denied, unavailable, unsupported for a table of another layout
 */
export async function openDynamoDbLock(options: {
  readonly properties: Properties
  readonly runtime: Runtime
  readonly signal?: AbortSignal | undefined
}): Promise<LockManager> {
  const { properties, runtime } = options
  const tableName = firstProperty(properties, 'lock.table')
  if (tableName === undefined)
    throw new LakeError('invalid-argument', 'a lock in DynamoDB needs the name of its table', {
      context: { property: 'lock.table' },
    })
  const settings = lockSettings(properties)
  const client = new DynamoDBClient(await awsClientConfig(properties, 'dynamodb'))
  const table: LockTable = { client, tableName }
  try {
    await ensureLockTable(table, options)
    return createLockManager(lockItems(table), { runtime, settings })
  } catch (error) {
    client.destroy()
    throw dynamoDbError(error, tableName)
  }
}

// ---- items

/** The items of a table that is there; `close` closes the client. */
export function lockItems(table: LockTable): LockStore {
  const { client, tableName: TableName } = table
  return {
    async get(entityId, { signal }) {
      const command = new GetItemCommand({ TableName, Key: keyOf(entityId), ConsistentRead: true })
      const { Item } = await request(table, signal, abort => client.send(command, abort))
      return Item === undefined ? undefined : lockItem(Item, entityId)
    },
    async put(entityId, item, { condition, signal }) {
      const command = new PutItemCommand({
        TableName,
        Item: { ...keyOf(entityId), ...attributesOf(item) },
        ...conditionOf(condition),
      })
      try {
        await request(table, signal, abort => client.send(command, abort))
        return 'done'
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return 'refused'
        throw error
      }
    },
    async remove(entityId, ownerId) {
      const command = new DeleteItemCommand({
        TableName,
        Key: keyOf(entityId),
        ...conditionOf({ kind: 'owned-by', ownerId }),
      })
      try {
        await request(table, undefined, () => client.send(command))
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error
      }
    },
    async close() {
      client.destroy()
    },
  }
}

/** @throws a condition that does not hold as the SDK throws it; all else as LakeErrors, `unavailable` for what is open */
async function request<T>(
  { tableName }: LockTable,
  signal: AbortSignal | undefined,
  send: (options: { readonly abortSignal?: AbortSignal }) => Promise<T>,
): Promise<T> {
  checkSignal(signal)
  try {
    return await send(signal === undefined ? {} : { abortSignal: signal })
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) throw error
    if (signal?.aborted) throw abortedError(signal)
    throw dynamoDbError(error, tableName)
  }
}

function keyOf(entityId: string): Record<string, AttributeValue> {
  return { entityId: { S: entityId } }
}

function attributesOf({ ownerId, version, leaseMs }: LockItem): Record<string, AttributeValue> {
  return { ownerId: { S: ownerId }, version: { S: version }, leaseDurationMs: { N: String(leaseMs) } }
}

/** @throws corrupt for an item that is no lock */
function lockItem(item: Readonly<Record<string, AttributeValue>>, entityId: string): LockItem {
  const ownerId = item.ownerId?.S
  const version = item.version?.S
  const leaseMs = Number(item.leaseDurationMs?.N)
  if (ownerId !== undefined && version !== undefined && leaseMs >= 0) return { ownerId, version, leaseMs }
  throw new LakeError('corrupt', 'an item of the lock table is no lock', { context: { entityId } })
}

type Condition = Pick<PutItemCommandInput, 'ConditionExpression' | 'ExpressionAttributeValues'>

function conditionOf(condition: LockCondition): Condition {
  switch (condition.kind) {
    case 'absent':
      return { ConditionExpression: 'attribute_not_exists(entityId)' }
    case 'at-version':
      return {
        ConditionExpression: 'attribute_not_exists(entityId) OR version = :version',
        ExpressionAttributeValues: { ':version': { S: condition.version } },
      }
    case 'owned-by':
      return {
        ConditionExpression: 'ownerId = :owner',
        ExpressionAttributeValues: { ':owner': { S: condition.ownerId } },
      }
    default:
      return unreachable(condition)
  }
}

// ---- the table

/** A table becomes usable about ten seconds after it was made. */
const WAITS = { waitMsMin: 100, waitMsMax: 5_000 }
const WAIT_TOTAL_MS = 120_000

async function ensureLockTable(
  table: LockTable,
  { runtime, signal }: { readonly runtime: Runtime; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const startMs = runtime.nowMs()
  for (let attempt = 1; ; attempt++) {
    const found = await lookAt(table, signal)
    // Who may not look at the table may use it all the same: requests will tell.
    if (found === 'denied') return
    if (found === 'missing') await makeTable(table)
    else {
      checkLayout(found, table)
      if (found.TableStatus === 'ACTIVE' || found.TableStatus === 'UPDATING') return
    }
    if (runtime.nowMs() - startMs > WAIT_TOTAL_MS)
      throw new LakeError('unavailable', 'the lock table does not become active', {
        context: { table: table.tableName },
      })
    await runtime.sleep(backoffMs(attempt, WAITS, runtime), signal)
  }
}

async function lookAt(
  table: LockTable,
  signal: AbortSignal | undefined,
): Promise<TableDescription | 'missing' | 'denied'> {
  const { client, tableName } = table
  checkSignal(signal)
  try {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: tableName }))
    return Table ?? 'missing'
  } catch (error) {
    if (awsErrorName(error) === 'ResourceNotFoundException') return 'missing'
    if (awsErrorName(error) === 'AccessDeniedException') return 'denied'
    throw dynamoDbError(error, tableName)
  }
}

async function makeTable({ client, tableName }: LockTable): Promise<void> {
  const command = new CreateTableCommand({
    TableName: tableName,
    KeySchema: [{ AttributeName: 'entityId', KeyType: 'HASH' }],
    AttributeDefinitions: [{ AttributeName: 'entityId', AttributeType: 'S' }],
    BillingMode: 'PAY_PER_REQUEST',
  })
  try {
    await client.send(command)
  } catch (error) {
    // Somebody else is making it; or an answer was lost, and the next look tells.
    if (awsErrorName(error) === 'ResourceInUseException' || writeFailure(error) !== 'certain') return
    throw dynamoDbError(error, tableName)
  }
}

function checkLayout({ KeySchema = [] }: TableDescription, { tableName }: LockTable): void {
  const [hash, range] = KeySchema
  if (hash?.AttributeName === 'entityId' && hash.KeyType === 'HASH' && range === undefined) return
  throw new LakeError('unsupported', 'the DynamoDB table is not laid out for locks', {
    context: { table: tableName },
  })
}
