/** Writes and queries as DynamoDB's requests: plain data. Every name and value goes in by a placeholder. */
import type {
  AttributeValue,
  QueryCommandInput,
  ScanCommandInput,
  TransactWriteItem,
} from '@aws-sdk/client-dynamodb'
import { unreachable } from '../base/assert.js'
import type { Item, ItemCondition, ItemKey, ItemQuery, ItemWrite } from './dynamodb-store.js'

export type Attributes = Record<string, AttributeValue>

/** Java's index, by namespace. */
export const NAMESPACE_INDEX = 'namespace-identifier'

// ---- writes

/** A part of a transaction; each but a check is a request of its own, too. */
export function writeRequest(write: ItemWrite, TableName: string): TransactWriteItem {
  const expression = createExpression()
  switch (write.kind) {
    case 'put': {
      const checked = checkOf(write.condition, expression)
      return { Put: { TableName, Item: attributesOf(write.item), ...checked, ...expression.placeholders() } }
    }
    case 'delete': {
      const checked = checkOf(write.condition, expression)
      return {
        Delete: { TableName, Key: keyAttributes(write.key), ...checked, ...expression.placeholders() },
      }
    }
    case 'update': {
      const UpdateExpression = expression.update(write.set, write.remove ?? [])
      const checked = checkOf(write.condition, expression)
      const Key = keyAttributes(write.key)
      return { Update: { TableName, Key, UpdateExpression, ...checked, ...expression.placeholders() } }
    }
    case 'check': {
      const ConditionExpression = expression.condition(write.condition)
      const Key = keyAttributes(write.key)
      const checked = { ConditionExpression, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const }
      return { ConditionCheck: { TableName, Key, ...checked, ...expression.placeholders() } }
    }
    default:
      return unreachable(write)
  }
}

/** A refusal comes with the item as it is. */
function checkOf(
  condition: ItemCondition | undefined,
  expression: Expression,
): { readonly ConditionExpression?: string; readonly ReturnValuesOnConditionCheckFailure?: 'ALL_OLD' } {
  if (condition === undefined) return {}
  return {
    ConditionExpression: expression.condition(condition),
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  }
}

// ---- queries

export type QueryRequest =
  | { readonly kind: 'query'; readonly input: QueryCommandInput }
  | { readonly kind: 'scan'; readonly input: ScanCommandInput }

/** A page, from the beginning or behind `after`. */
export function queryRequest(query: ItemQuery, TableName: string, after: ItemKey | undefined): QueryRequest {
  const { name, value, placeholders } = createExpression()
  const start = after === undefined ? {} : { ExclusiveStartKey: keyAttributes(after) }
  switch (query.kind) {
    case 'identifier': {
      const { identifier, namespacePrefix } = query
      const terms = [`${name('identifier')} = ${value(identifier)}`]
      if (namespacePrefix) terms.push(`begins_with(${name('namespace')}, ${value(namespacePrefix)})`)
      const asked = { TableName, KeyConditionExpression: terms.join(' AND '), ConsistentRead: true }
      return { kind: 'query', input: { ...asked, ...start, ...placeholders() } }
    }
    case 'namespace': {
      const KeyConditionExpression = `${name('namespace')} = ${value(query.namespace)}`
      const asked = { TableName, IndexName: NAMESPACE_INDEX, KeyConditionExpression }
      return { kind: 'query', input: { ...asked, ...start, ...placeholders() } }
    }
    case 'scan': {
      const FilterExpression = query.namespaces
        .map(namespace => `${name('namespace')} = ${value(namespace)}`)
        .join(' OR ')
      const ProjectionExpression = `${name('identifier')}, ${name('namespace')}`
      const asked = { TableName, FilterExpression, ProjectionExpression, ConsistentRead: true }
      return { kind: 'scan', input: { ...asked, ...start, ...placeholders() } }
    }
    default:
      return unreachable(query)
  }
}

// ---- expressions

/** What the texts of one request refer to; to be spread into the request. */
interface Placeholders {
  readonly ExpressionAttributeNames?: Record<string, string>
  readonly ExpressionAttributeValues?: Attributes
}

interface Expression {
  condition(condition: ItemCondition): string
  /** `SET ... REMOVE ...`. */
  update(set: Item, remove: readonly string[]): string
  name(attribute: string): string
  value(value: string | number): string
  /** Of what was written so far. */
  placeholders(): Placeholders
}

function createExpression(): Expression {
  const names = new Map<string, string>()
  const values: Attributes = {}
  const name = (attribute: string): string => {
    const known = names.get(attribute) ?? `#n${names.size}`
    names.set(attribute, known)
    return known
  }
  const value = (plain: string | number): string => {
    const placeholder = `:v${Object.keys(values).length}`
    values[placeholder] = attributeOf(plain)
    return placeholder
  }
  const condition = (asked: ItemCondition): string => {
    switch (asked.kind) {
      case 'absent':
        return `attribute_not_exists(${name(asked.attribute)})`
      case 'present':
        return `attribute_exists(${name(asked.attribute)})`
      case 'equals':
        return `${name(asked.attribute)} = ${value(asked.value)}`
      case 'all':
        return asked.conditions.map(each => `(${condition(each)})`).join(' AND ')
      default:
        return unreachable(asked)
    }
  }
  return {
    name,
    value,
    condition,
    update(set, remove) {
      const sets = Object.entries(set).map(([attribute, plain]) => `${name(attribute)} = ${value(plain)}`)
      const removes = remove.map(name)
      return [
        sets.length === 0 ? '' : `SET ${sets.join(', ')}`,
        removes.length === 0 ? '' : `REMOVE ${removes.join(', ')}`,
      ]
        .filter(Boolean)
        .join(' ')
    },
    placeholders: () => ({
      ...(names.size === 0
        ? {}
        : {
            ExpressionAttributeNames: Object.fromEntries(
              [...names].map(([attribute, placeholder]) => [placeholder, attribute]),
            ),
          }),
      ...(Object.keys(values).length === 0 ? {} : { ExpressionAttributeValues: values }),
    }),
  }
}

// ---- attributes

export function keyAttributes({ identifier, namespace }: ItemKey): Attributes {
  return { identifier: { S: identifier }, namespace: { S: namespace } }
}

function attributesOf(item: Item): Attributes {
  return Object.fromEntries(Object.entries(item).map(([name, value]) => [name, attributeOf(value)]))
}

function attributeOf(value: string | number): AttributeValue {
  return typeof value === 'string' ? { S: value } : { N: String(value) }
}

/** Strings and numbers of an item; attributes of other types are left out. */
export function itemOf(attributes: Readonly<Attributes>): Item {
  const item: Record<string, string | number> = {}
  for (const [name, { S, N }] of Object.entries(attributes)) {
    if (S !== undefined) item[name] = S
    else if (N !== undefined) item[name] = Number(N)
  }
  return item
}
