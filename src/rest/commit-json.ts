/**
 * Commits of one table and of several, with what they demand of their bases.
 * @see Iceberg REST catalog specification, CommitTableRequest, CommitTransactionRequest, TableRequirement
 */
import { unreachable } from '../base/assert.js'
import { LakeError } from '../base/errors.js'
import type { JsonObject } from '../base/json.js'
import { asObjects, optionalLong, optionalObject, requiredInt, requiredText } from '../base/json-fields.js'
import { given } from '../metadata/snapshot-json.js'
import type { TableRequirement, TableUpdate } from '../metadata/table-update.js'
import { parseRestIdentifier, type RestIdentifier, serializeRestIdentifier } from './identifier-json.js'
import { parseTableUpdate, serializeTableUpdate } from './table-update-json.js'

export interface CommitTableRequest {
  /** Always there in a commit of several tables. */
  readonly identifier?: RestIdentifier | undefined
  readonly requirements: readonly TableRequirement[]
  readonly updates: readonly TableUpdate[]
}

/** @throws corrupt; invalid-argument for updates and requirements that are not known; unsupported */
export function parseCommitTableRequest(json: JsonObject): CommitTableRequest {
  const identifier = optionalObject(json, 'identifier')
  return {
    ...given('identifier', identifier && parseRestIdentifier(identifier, 'identifier')),
    requirements: asObjects(json.requirements, 'requirements').map(parseTableRequirement),
    updates: asObjects(json.updates, 'updates').map(parseTableUpdate),
  }
}

export function serializeCommitTableRequest(request: CommitTableRequest): JsonObject {
  const { identifier } = request
  return {
    ...given('identifier', identifier && serializeRestIdentifier(identifier)),
    requirements: request.requirements.map(serializeTableRequirement),
    updates: request.updates.map(serializeTableUpdate),
  }
}

export type IdentifiedCommit = CommitTableRequest & { readonly identifier: RestIdentifier }

/** The changes of a commit of several tables. @throws as `parseCommitTableRequest` */
export function parseCommitTransactionRequest(json: JsonObject): readonly IdentifiedCommit[] {
  return asObjects(json['table-changes'], 'table-changes').map(change => ({
    ...parseCommitTableRequest(change),
    identifier: parseRestIdentifier(change.identifier, 'identifier'),
  }))
}

export function serializeCommitTransactionRequest(changes: readonly IdentifiedCommit[]): JsonObject {
  return { 'table-changes': changes.map(serializeCommitTableRequest) }
}

const REQUIREMENTS: { readonly [T in TableRequirement['type']]: (json: JsonObject) => TableRequirement } = {
  'assert-create': () => ({ type: 'assert-create' }),
  'assert-table-uuid': json => ({ type: 'assert-table-uuid', uuid: requiredText(json, 'uuid') }),
  'assert-ref-snapshot-id': json => ({
    type: 'assert-ref-snapshot-id',
    ref: requiredText(json, 'ref'),
    snapshotId: optionalLong(json, 'snapshot-id'),
  }),
  'assert-last-assigned-field-id': json => ({
    type: 'assert-last-assigned-field-id',
    lastAssignedFieldId: requiredInt(json, 'last-assigned-field-id'),
  }),
  'assert-current-schema-id': json => ({
    type: 'assert-current-schema-id',
    currentSchemaId: requiredInt(json, 'current-schema-id'),
  }),
  'assert-last-assigned-partition-id': json => ({
    type: 'assert-last-assigned-partition-id',
    lastAssignedPartitionId: requiredInt(json, 'last-assigned-partition-id'),
  }),
  'assert-default-spec-id': json => ({
    type: 'assert-default-spec-id',
    defaultSpecId: requiredInt(json, 'default-spec-id'),
  }),
  'assert-default-sort-order-id': json => ({
    type: 'assert-default-sort-order-id',
    defaultSortOrderId: requiredInt(json, 'default-sort-order-id'),
  }),
}

function parseTableRequirement(json: JsonObject): TableRequirement {
  const type = requiredText(json, 'type')
  if (!isRequirement(type))
    throw new LakeError('invalid-argument', 'the requirement of a commit is not known', { context: { type } })
  return REQUIREMENTS[type](json)
}

function isRequirement(type: string): type is TableRequirement['type'] {
  return Object.hasOwn(REQUIREMENTS, type)
}

function serializeTableRequirement(requirement: TableRequirement): JsonObject {
  const { type } = requirement
  switch (type) {
    case 'assert-create':
      return { type }
    case 'assert-table-uuid':
      return { type, uuid: requirement.uuid }
    case 'assert-ref-snapshot-id':
      return { type, ref: requirement.ref, 'snapshot-id': requirement.snapshotId ?? null }
    case 'assert-last-assigned-field-id':
      return { type, 'last-assigned-field-id': requirement.lastAssignedFieldId }
    case 'assert-current-schema-id':
      return { type, 'current-schema-id': requirement.currentSchemaId }
    case 'assert-last-assigned-partition-id':
      return { type, 'last-assigned-partition-id': requirement.lastAssignedPartitionId }
    case 'assert-default-spec-id':
      return { type, 'default-spec-id': requirement.defaultSpecId }
    case 'assert-default-sort-order-id':
      return { type, 'default-sort-order-id': requirement.defaultSortOrderId }
    default:
      return unreachable(requirement)
  }
}
