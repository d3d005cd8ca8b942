/**
 * The DynamoDB table itself: looked at when the catalog is opened, and made as Java's DynamoDbCatalog makes it - paid by
 * request, with the index by namespace - when it is missing. Who may not look at it goes on: requests will tell.
 */
import {
  CreateTableCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  type KeySchemaElement,
  type TableDescription,
} from '@aws-sdk/client-dynamodb'
import { abortedError, checkSignal, LakeError } from '../base/errors.js'
import { backoffMs } from '../base/retry.js'
import type { Runtime } from '../base/runtime.js'
import { awsErrorName } from '../io/aws-errors.js'
import { type Properties, propertiesBelow } from '../io/aws-properties.js'
import { dynamoDbError } from './dynamodb-errors.js'
import { NAMESPACE_INDEX } from './dynamodb-requests.js'

/** A client and the name of the table. */
export interface AwsTable {
  readonly client: DynamoDBClient
  readonly tableName: string
}

export interface EnsureTableOptions {
  /** `dynamodb.tags.<key>`: tags of a table that is made. */
  readonly properties: Properties
  readonly runtime: Runtime
  readonly signal?: AbortSignal | undefined
}

/** A table becomes usable about ten seconds after it was made. */
const WAITS = { waitMsMin: 100, waitMsMax: 5_000 }
const WAIT_TOTAL_MS = 120_000
const LOOKS_MAX = 5

/** @throws unsupported for a table of another layout; denied, unavailable, aborted */
export async function ensureTable(table: AwsTable, options: EnsureTableOptions): Promise<void> {
  const startMs = options.runtime.nowMs()
  for (let attempt = 1; ; attempt++) {
    const found = await lookAt(table, options)
    if (found === 'denied') return
    if (found === 'missing') await makeTable(table, options)
    else {
      checkLayout(found, table)
      if (found.TableStatus === 'ACTIVE' || found.TableStatus === 'UPDATING') return
    }
    if (options.runtime.nowMs() - startMs > WAIT_TOTAL_MS)
      throw new LakeError('unavailable', 'the DynamoDB table of the catalog does not become active', {
        context: { table: table.tableName },
      })
    await options.runtime.sleep(backoffMs(attempt, WAITS, options.runtime), options.signal)
  }
}

async function lookAt(
  { client, tableName }: AwsTable,
  { runtime, signal }: EnsureTableOptions,
): Promise<TableDescription | 'missing' | 'denied'> {
  for (let look = 1; ; look++) {
    checkSignal(signal)
    try {
      const command = new DescribeTableCommand({ TableName: tableName })
      return (await client.send(command, signal && { abortSignal: signal })).Table ?? 'missing'
    } catch (error) {
      if (signal?.aborted) throw abortedError(signal)
      if (awsErrorName(error) === 'ResourceNotFoundException') return 'missing'
      if (awsErrorName(error) === 'AccessDeniedException') return 'denied'
      const failure = dynamoDbError(error, tableName)
      if (failure.kind !== 'unavailable' || look >= LOOKS_MAX) throw failure
    }
    await runtime.sleep(backoffMs(look, WAITS, runtime), signal)
  }
}

async function makeTable({ client, tableName }: AwsTable, options: EnsureTableOptions): Promise<void> {
  const tags = Object.entries(propertiesBelow(options.properties, 'dynamodb.tags.'))
  const command = new CreateTableCommand({
    TableName: tableName,
    KeySchema: keys('identifier', 'namespace'),
    AttributeDefinitions: ['identifier', 'namespace'].map(name => ({
      AttributeName: name,
      AttributeType: 'S' as const,
    })),
    GlobalSecondaryIndexes: [
      {
        IndexName: NAMESPACE_INDEX,
        KeySchema: keys('namespace', 'identifier'),
        Projection: { ProjectionType: 'KEYS_ONLY' },
      },
    ],
    BillingMode: 'PAY_PER_REQUEST',
    ...(tags.length === 0 ? {} : { Tags: tags.map(([Key, Value]) => ({ Key, Value })) }),
  })
  try {
    await client.send(command)
  } catch (error) {
    // Somebody else is making it; or an answer was lost, and the next look tells.
    if (awsErrorName(error) === 'ResourceInUseException') return
    const failure = dynamoDbError(error, tableName)
    if (failure.kind !== 'unavailable') throw failure
  }
}

function keys(hash: string, range: string): KeySchemaElement[] {
  return [
    { AttributeName: hash, KeyType: 'HASH' },
    { AttributeName: range, KeyType: 'RANGE' },
  ]
}

function checkLayout(found: TableDescription, { tableName }: AwsTable): void {
  const index = found.GlobalSecondaryIndexes?.find(({ IndexName }) => IndexName === NAMESPACE_INDEX)
  const isOurs =
    hasKeys(found.KeySchema, 'identifier', 'namespace') &&
    hasKeys(index?.KeySchema, 'namespace', 'identifier')
  if (!isOurs)
    throw new LakeError('unsupported', 'the DynamoDB table is not laid out as a catalog', {
      context: { table: tableName },
    })
}

function hasKeys(schema: readonly KeySchemaElement[] | undefined, hash: string, range: string): boolean {
  const nameOf = (type: string): string | undefined =>
    schema?.find(({ KeyType }) => KeyType === type)?.AttributeName
  return nameOf('HASH') === hash && nameOf('RANGE') === range
}
