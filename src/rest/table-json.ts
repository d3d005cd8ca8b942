/**
 * Requests that make, register, rename and list tables. Views are renamed and listed by the same forms.
 * @see Iceberg REST catalog specification, CreateTableRequest, RegisterTableRequest, RenameTableRequest,
 * ListTablesResponse
 */
import type { JsonObject, JsonValue } from '../base/json.js'
import {
  asObject,
  optionalInt,
  optionalList,
  optionalObject,
  optionalText,
  requiredBoolean,
  requiredText,
  textMapOf,
} from '../base/json-fields.js'
import { given } from '../metadata/snapshot-json.js'
import type { PartitionSpec } from '../schema/partition-spec.js'
import { parsePartitionFields, serializePartitionSpec } from '../schema/partition-spec-json.js'
import { parseSchema, serializeSchema } from '../schema/schema-json.js'
import { type SortOrder, UNSORTED } from '../schema/sort-order.js'
import { parseSortOrder, serializeSortOrder } from '../schema/sort-order-json.js'
import type { Schema } from '../schema/types.js'
import { parseRestIdentifier, type RestIdentifier, serializeRestIdentifier } from './identifier-json.js'

export interface CreateTableRequest {
  readonly name: string
  readonly location?: string | undefined
  readonly schema: Schema
  /** Its fields name columns by the ids of `schema`. */
  readonly partitionSpec?: PartitionSpec | undefined
  readonly writeOrder?: SortOrder | undefined
  /** Nothing is made: the answer says what the table would be, for a commit that makes and fills it. */
  readonly stageCreate: boolean
  readonly properties: Readonly<Record<string, string>>
}

/** @throws corrupt */
export function parseCreateTableRequest(json: JsonObject): CreateTableRequest {
  const spec = optionalObject(json, 'partition-spec')
  const order = optionalObject(json, 'write-order')
  return {
    name: requiredText(json, 'name'),
    ...given('location', optionalText(json, 'location')),
    schema: parseSchema(asObject(json.schema, 'schema')),
    ...given('partitionSpec', spec === undefined ? undefined : parseUnboundSpec(spec)),
    ...given('writeOrder', order === undefined ? undefined : parseUnboundOrder(order)),
    stageCreate: flagOf(json, 'stage-create'),
    properties: textMapOf(json, 'properties'),
  }
}

export function serializeCreateTableRequest(request: CreateTableRequest): JsonObject {
  const { partitionSpec, writeOrder } = request
  return {
    name: request.name,
    ...given('location', request.location),
    schema: serializeSchema(request.schema),
    ...given(
      'partition-spec',
      partitionSpec === undefined ? undefined : serializePartitionSpec(partitionSpec),
    ),
    ...given('write-order', writeOrder === undefined ? undefined : serializeUnboundOrder(writeOrder)),
    'stage-create': request.stageCreate,
    properties: request.properties,
  }
}

/** A spec that may come without its id, which the table gives it. @throws corrupt */
export function parseUnboundSpec(json: JsonObject): PartitionSpec {
  return { specId: optionalInt(json, 'spec-id') ?? 0, fields: parsePartitionFields(json.fields ?? null) }
}

/** An order that may come without its id. @throws corrupt */
export function parseUnboundOrder(json: JsonObject): SortOrder {
  const order = parseSortOrder({ ...json, 'order-id': optionalInt(json, 'order-id') ?? 1 })
  return order.fields.length === 0 ? { ...order, orderId: UNSORTED.orderId } : order
}

/** An order whose id the table will give it; Java takes an empty one under its own id only. */
export function serializeUnboundOrder(order: SortOrder): JsonObject {
  return serializeSortOrder(order.fields.length === 0 ? UNSORTED : order)
}

function flagOf(json: JsonObject, field: string): boolean {
  return (json[field] ?? null) === null ? false : requiredBoolean(json, field)
}

export interface RegisterTableRequest {
  readonly name: string
  readonly metadataLocation: string
  /** Takes the place of a table of that name. */
  readonly overwrite: boolean
}

/** @throws corrupt */
export function parseRegisterTableRequest(json: JsonObject): RegisterTableRequest {
  return {
    name: requiredText(json, 'name'),
    metadataLocation: requiredText(json, 'metadata-location'),
    overwrite: flagOf(json, 'overwrite'),
  }
}

export function serializeRegisterTableRequest(request: RegisterTableRequest): JsonObject {
  return {
    name: request.name,
    'metadata-location': request.metadataLocation,
    ...(request.overwrite ? { overwrite: true } : {}),
  }
}

/** Of a table or a view. */
export interface RenameRequest {
  readonly source: RestIdentifier
  readonly destination: RestIdentifier
}

/** @throws corrupt */
export function parseRenameRequest(json: JsonObject): RenameRequest {
  return {
    source: parseRestIdentifier(json.source, 'source'),
    destination: parseRestIdentifier(json.destination, 'destination'),
  }
}

export function serializeRenameRequest({ source, destination }: RenameRequest): JsonObject {
  return { source: serializeRestIdentifier(source), destination: serializeRestIdentifier(destination) }
}

/** A page of a list of tables or views. */
export interface IdentifierPage {
  readonly identifiers: readonly RestIdentifier[]
  readonly nextPageToken?: string | undefined
}

/** @throws corrupt */
export function parseIdentifierPage(json: JsonObject): IdentifierPage {
  const identifiers: readonly JsonValue[] = optionalList(json, 'identifiers') ?? []
  return {
    identifiers: identifiers.map(identifier => parseRestIdentifier(identifier, 'identifiers')),
    ...given('nextPageToken', optionalText(json, 'next-page-token')),
  }
}

export function serializeIdentifierPage(page: IdentifierPage): JsonObject {
  return {
    'next-page-token': page.nextPageToken ?? null,
    identifiers: page.identifiers.map(serializeRestIdentifier),
  }
}
