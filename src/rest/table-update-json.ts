/**
 * Updates of table metadata as JSON.
 *
 * Java first wrote `updated` and `removed` in place of `updates` and `removals`; both are read. `add-schema` has an old
 * `last-column-id` that nobody needs.
 * @see Iceberg REST catalog specification, TableUpdate
 */
import { unreachable } from '../base/assert.js'
import { LakeError } from '../base/errors.js'
import type { JsonObject, JsonValue } from '../base/json.js'
import {
  asObject,
  corruptField,
  intsOf,
  optionalList,
  requiredInt,
  requiredLong,
  requiredText,
  textMapOf,
  textsOf,
} from '../base/json-fields.js'
import {
  parseSnapshot,
  parseSnapshotRef,
  serializeSnapshot,
  serializeSnapshotRef,
} from '../metadata/snapshot-json.js'
import {
  parsePartitionStatisticsFile,
  parseStatisticsFile,
  serializePartitionStatisticsFile,
  serializeStatisticsFile,
} from '../metadata/statistics-json.js'
import type { FormatVersion } from '../metadata/table-metadata.js'
import type { TableUpdate } from '../metadata/table-update.js'
import { serializePartitionSpec } from '../schema/partition-spec-json.js'
import { parseSchema, serializeSchema } from '../schema/schema-json.js'
import { parseUnboundOrder, parseUnboundSpec, serializeUnboundOrder } from './table-json.js'

const PARSERS: { readonly [A in TableUpdate['action']]: (json: JsonObject) => TableUpdate } = {
  'assign-uuid': json => ({ action: 'assign-uuid', uuid: requiredText(json, 'uuid') }),
  'upgrade-format-version': json => ({
    action: 'upgrade-format-version',
    formatVersion: formatVersionOf(json),
  }),
  'add-schema': json => ({ action: 'add-schema', schema: parseSchema(asObject(json.schema, 'schema')) }),
  'set-current-schema': json => ({ action: 'set-current-schema', schemaId: requiredInt(json, 'schema-id') }),
  'add-spec': json => ({ action: 'add-spec', spec: parseUnboundSpec(asObject(json.spec, 'spec')) }),
  'set-default-spec': json => ({ action: 'set-default-spec', specId: requiredInt(json, 'spec-id') }),
  'add-sort-order': json => ({
    action: 'add-sort-order',
    sortOrder: parseUnboundOrder(asObject(json['sort-order'], 'sort-order')),
  }),
  'set-default-sort-order': json => ({
    action: 'set-default-sort-order',
    sortOrderId: requiredInt(json, 'sort-order-id'),
  }),
  'add-snapshot': json => ({
    action: 'add-snapshot',
    snapshot: parseSnapshot(asObject(json.snapshot, 'snapshot')),
  }),
  'set-snapshot-ref': json => ({
    action: 'set-snapshot-ref',
    refName: requiredText(json, 'ref-name'),
    ref: parseSnapshotRef(json),
  }),
  'remove-snapshots': json => ({ action: 'remove-snapshots', snapshotIds: longsOf(json, 'snapshot-ids') }),
  'remove-snapshot-ref': json => ({
    action: 'remove-snapshot-ref',
    refName: requiredText(json, 'ref-name'),
  }),
  'set-location': json => ({ action: 'set-location', location: requiredText(json, 'location') }),
  'set-properties': json => ({
    action: 'set-properties',
    updates: textMapOf(json, requiredName(json, ['updates', 'updated'])),
  }),
  'remove-properties': json => ({
    action: 'remove-properties',
    removals: textsOf(json, requiredName(json, ['removals', 'removed'])) ?? [],
  }),
  'set-statistics': json => ({
    action: 'set-statistics',
    statistics: parseStatisticsFile(asObject(json.statistics, 'statistics')),
  }),
  'remove-statistics': json => ({
    action: 'remove-statistics',
    snapshotId: requiredLong(json, 'snapshot-id'),
  }),
  'set-partition-statistics': json => ({
    action: 'set-partition-statistics',
    partitionStatistics: parsePartitionStatisticsFile(
      asObject(json['partition-statistics'], 'partition-statistics'),
    ),
  }),
  'remove-partition-statistics': json => ({
    action: 'remove-partition-statistics',
    snapshotId: requiredLong(json, 'snapshot-id'),
  }),
  'remove-partition-specs': json => ({
    action: 'remove-partition-specs',
    specIds: requiredInts(json, 'spec-ids'),
  }),
  'remove-schemas': json => ({ action: 'remove-schemas', schemaIds: requiredInts(json, 'schema-ids') }),
}

/** Updates of the specification that are not built. */
const ENCRYPTION_ACTIONS: readonly string[] = ['add-encryption-key', 'remove-encryption-key']

/**
 * Unknown updates are never skipped: a part of the change would be lost.
 * @throws corrupt; invalid-argument for an unknown update, unsupported for those of encryption keys
 */
export function parseTableUpdate(json: JsonObject): TableUpdate {
  const action = requiredText(json, 'action')
  if (ENCRYPTION_ACTIONS.includes(action))
    throw new LakeError('unsupported', 'encryption keys of tables cannot be changed', { context: { action } })
  if (!isAction(action))
    throw new LakeError('invalid-argument', 'the update of a table is not known', { context: { action } })
  return PARSERS[action](json)
}

function isAction(action: string): action is TableUpdate['action'] {
  return Object.hasOwn(PARSERS, action)
}

function formatVersionOf(json: JsonObject): FormatVersion {
  const version = requiredInt(json, 'format-version')
  if (version === 1 || version === 2 || version === 3) return version
  throw new LakeError('unsupported', 'the format version is not supported', {
    context: { formatVersion: version },
  })
}

/** The first of the names that is there, so that a missing member is an error. */
function requiredName(json: JsonObject, names: readonly [string, string]): string {
  const name = names.find(each => (json[each] ?? null) !== null)
  if (name === undefined) throw corruptField(names[0], 'value')
  return name
}

function requiredInts(json: JsonObject, field: string): readonly number[] {
  if (optionalList(json, field) === undefined) throw corruptField(field, 'array of integers')
  return intsOf(json, field)
}

function longsOf(json: JsonObject, field: string): readonly bigint[] {
  const list: readonly JsonValue[] | undefined = optionalList(json, field)
  if (list === undefined) throw corruptField(field, 'array of 64-bit integers')
  return list.map(id => requiredLong({ [field]: id }, field))
}

/** Snapshots are written with their sequence number: a table of format version 1 ignores it. */
const SNAPSHOT_FORM: FormatVersion = 3

export function serializeTableUpdate(update: TableUpdate): JsonObject {
  const { action } = update
  switch (action) {
    case 'assign-uuid':
      return { action, uuid: update.uuid }
    case 'upgrade-format-version':
      return { action, 'format-version': update.formatVersion }
    case 'add-schema':
      return { action, schema: serializeSchema(update.schema) }
    case 'set-current-schema':
      return { action, 'schema-id': update.schemaId }
    case 'add-spec':
      return { action, spec: serializePartitionSpec(update.spec) }
    case 'set-default-spec':
      return { action, 'spec-id': update.specId }
    case 'add-sort-order':
      return { action, 'sort-order': serializeUnboundOrder(update.sortOrder) }
    case 'set-default-sort-order':
      return { action, 'sort-order-id': update.sortOrderId }
    case 'add-snapshot':
      return { action, snapshot: serializeSnapshot(update.snapshot, SNAPSHOT_FORM) }
    case 'set-snapshot-ref':
      return { action, 'ref-name': update.refName, ...serializeSnapshotRef(update.ref) }
    case 'remove-snapshots':
      return { action, 'snapshot-ids': update.snapshotIds }
    case 'remove-snapshot-ref':
      return { action, 'ref-name': update.refName }
    case 'set-location':
      return { action, location: update.location }
    case 'set-properties':
      return { action, updates: update.updates }
    case 'remove-properties':
      return { action, removals: update.removals }
    case 'set-statistics':
      return {
        action,
        'snapshot-id': update.statistics.snapshotId,
        statistics: serializeStatisticsFile(update.statistics),
      }
    case 'remove-statistics':
      return { action, 'snapshot-id': update.snapshotId }
    case 'set-partition-statistics':
      return {
        action,
        'partition-statistics': serializePartitionStatisticsFile(update.partitionStatistics),
      }
    case 'remove-partition-statistics':
      return { action, 'snapshot-id': update.snapshotId }
    case 'remove-partition-specs':
      return { action, 'spec-ids': update.specIds }
    case 'remove-schemas':
      return { action, 'schema-ids': update.schemaIds }
    default:
      return unreachable(update)
  }
}
