/** Updates, requirements and commits on the wire: nothing is lost, nothing unknown is skipped. */
import { describe, expect, it } from 'vitest'
import { utf8Encode } from '../../src/base/bytes.js'
import { type JsonObject, parseJson, stringifyJson } from '../../src/base/json.js'
import { asObject } from '../../src/base/json-fields.js'
import type { TableRequirement, TableUpdate } from '../../src/metadata/table-update.js'
import { parseRequestBody } from '../../src/rest/body.js'
import {
  parseCommitTableRequest,
  parseCommitTransactionRequest,
  serializeCommitTableRequest,
  serializeCommitTransactionRequest,
} from '../../src/rest/commit-json.js'
import { parseTableUpdate, serializeTableUpdate } from '../../src/rest/table-update-json.js'
import { kindOf } from './kind-of.js'

const ID = 9_223_372_036_854_775_807n

/** Each update with its form on the wire, as the specification has it. */
const UPDATES: readonly (readonly [TableUpdate, JsonObject])[] = [
  [
    { action: 'assign-uuid', uuid: 'u' },
    { action: 'assign-uuid', uuid: 'u' },
  ],
  [
    { action: 'upgrade-format-version', formatVersion: 3 },
    { action: 'upgrade-format-version', 'format-version': 3 },
  ],
  [
    {
      action: 'add-schema',
      schema: {
        schemaId: 1,
        fields: [{ id: 1, name: 'a', required: true, type: { kind: 'long' }, initialDefault: ID }],
        identifierFieldIds: [1],
      },
    },
    {
      action: 'add-schema',
      schema: {
        type: 'struct',
        'schema-id': 1,
        'identifier-field-ids': [1],
        fields: [{ id: 1, name: 'a', required: true, type: 'long', 'initial-default': ID }],
      },
    },
  ],
  [
    { action: 'set-current-schema', schemaId: -1 },
    { action: 'set-current-schema', 'schema-id': -1 },
  ],
  [
    {
      action: 'add-spec',
      spec: {
        specId: 2,
        fields: [{ sourceId: 1, fieldId: 1000, name: 'a_b', transform: { kind: 'bucket', count: 4 } }],
      },
    },
    {
      action: 'add-spec',
      spec: {
        'spec-id': 2,
        fields: [{ name: 'a_b', transform: 'bucket[4]', 'source-id': 1, 'field-id': 1000 }],
      },
    },
  ],
  [
    { action: 'set-default-spec', specId: 2 },
    { action: 'set-default-spec', 'spec-id': 2 },
  ],
  [
    {
      action: 'add-sort-order',
      sortOrder: {
        orderId: 3,
        fields: [
          { sourceId: 1, transform: { kind: 'identity' }, direction: 'desc', nullOrder: 'nulls-last' },
        ],
      },
    },
    {
      action: 'add-sort-order',
      'sort-order': {
        'order-id': 3,
        fields: [{ transform: 'identity', 'source-id': 1, direction: 'desc', 'null-order': 'nulls-last' }],
      },
    },
  ],
  [
    { action: 'set-default-sort-order', sortOrderId: 3 },
    { action: 'set-default-sort-order', 'sort-order-id': 3 },
  ],
  [
    {
      action: 'add-snapshot',
      snapshot: {
        snapshotId: ID,
        parentSnapshotId: ID - 1n,
        sequenceNumber: 4n,
        timestampMs: 5,
        manifestList: 'l',
        operation: 'append',
        summary: { 'added-records': '6' },
        schemaId: 1,
        firstRowId: 7n,
        addedRows: 8n,
      },
    },
    {
      action: 'add-snapshot',
      snapshot: {
        'sequence-number': 4n,
        'snapshot-id': ID,
        'parent-snapshot-id': ID - 1n,
        'timestamp-ms': 5,
        summary: { operation: 'append', 'added-records': '6' },
        'manifest-list': 'l',
        'schema-id': 1,
        'first-row-id': 7n,
        'added-rows': 8n,
      },
    },
  ],
  [
    {
      action: 'set-snapshot-ref',
      refName: 'b',
      ref: { type: 'branch', snapshotId: ID, minSnapshotsToKeep: 1, maxSnapshotAgeMs: 2, maxRefAgeMs: 3 },
    },
    {
      action: 'set-snapshot-ref',
      'ref-name': 'b',
      'snapshot-id': ID,
      type: 'branch',
      'min-snapshots-to-keep': 1,
      'max-snapshot-age-ms': 2,
      'max-ref-age-ms': 3,
    },
  ],
  [
    { action: 'remove-snapshots', snapshotIds: [1n, ID] },
    { action: 'remove-snapshots', 'snapshot-ids': [1n, ID] },
  ],
  [
    { action: 'remove-snapshot-ref', refName: 'b' },
    { action: 'remove-snapshot-ref', 'ref-name': 'b' },
  ],
  [
    { action: 'set-location', location: 's3://a' },
    { action: 'set-location', location: 's3://a' },
  ],
  [
    { action: 'set-properties', updates: { a: 'b' } },
    { action: 'set-properties', updates: { a: 'b' } },
  ],
  [
    { action: 'remove-properties', removals: ['a'] },
    { action: 'remove-properties', removals: ['a'] },
  ],
  [
    {
      action: 'set-statistics',
      statistics: {
        snapshotId: ID,
        statisticsPath: 'p',
        fileSizeBytes: 1,
        fileFooterSizeBytes: 2,
        blobMetadata: [
          { type: 't', snapshotId: ID, sequenceNumber: 3n, fields: [4], properties: { ndv: '5' } },
        ],
      },
    },
    {
      action: 'set-statistics',
      'snapshot-id': ID,
      statistics: {
        'snapshot-id': ID,
        'statistics-path': 'p',
        'file-size-in-bytes': 1,
        'file-footer-size-in-bytes': 2,
        'blob-metadata': [
          { type: 't', 'snapshot-id': ID, 'sequence-number': 3n, fields: [4], properties: { ndv: '5' } },
        ],
      },
    },
  ],
  [
    { action: 'remove-statistics', snapshotId: ID },
    { action: 'remove-statistics', 'snapshot-id': ID },
  ],
  [
    {
      action: 'set-partition-statistics',
      partitionStatistics: { snapshotId: ID, statisticsPath: 'p', fileSizeBytes: 1 },
    },
    {
      action: 'set-partition-statistics',
      'partition-statistics': { 'snapshot-id': ID, 'statistics-path': 'p', 'file-size-in-bytes': 1 },
    },
  ],
  [
    { action: 'remove-partition-statistics', snapshotId: ID },
    { action: 'remove-partition-statistics', 'snapshot-id': ID },
  ],
  [
    { action: 'remove-partition-specs', specIds: [1, 2] },
    { action: 'remove-partition-specs', 'spec-ids': [1, 2] },
  ],
  [
    { action: 'remove-schemas', schemaIds: [1, 2] },
    { action: 'remove-schemas', 'schema-ids': [1, 2] },
  ],
]

const REQUIREMENTS: readonly (readonly [TableRequirement, JsonObject])[] = [
  [{ type: 'assert-create' }, { type: 'assert-create' }],
  [
    { type: 'assert-table-uuid', uuid: 'u' },
    { type: 'assert-table-uuid', uuid: 'u' },
  ],
  [
    { type: 'assert-ref-snapshot-id', ref: 'main', snapshotId: ID },
    { type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': ID },
  ],
  [
    { type: 'assert-ref-snapshot-id', ref: 'new', snapshotId: undefined },
    { type: 'assert-ref-snapshot-id', ref: 'new', 'snapshot-id': null },
  ],
  [
    { type: 'assert-last-assigned-field-id', lastAssignedFieldId: 1 },
    { type: 'assert-last-assigned-field-id', 'last-assigned-field-id': 1 },
  ],
  [
    { type: 'assert-current-schema-id', currentSchemaId: 2 },
    { type: 'assert-current-schema-id', 'current-schema-id': 2 },
  ],
  [
    { type: 'assert-last-assigned-partition-id', lastAssignedPartitionId: 3 },
    { type: 'assert-last-assigned-partition-id', 'last-assigned-partition-id': 3 },
  ],
  [
    { type: 'assert-default-spec-id', defaultSpecId: 4 },
    { type: 'assert-default-spec-id', 'default-spec-id': 4 },
  ],
  [
    { type: 'assert-default-sort-order-id', defaultSortOrderId: 5 },
    { type: 'assert-default-sort-order-id', 'default-sort-order-id': 5 },
  ],
]

/** As it comes back from the network. */
function overWire(json: JsonObject): JsonObject {
  return asObject(parseJson(stringifyJson(json)), 'body')
}

describe('updates', () => {
  it.each(UPDATES)('go both ways: $action', (update, wire) => {
    expect(overWire(serializeTableUpdate(update))).toEqual(overWire(wire))
    expect(parseTableUpdate(overWire(wire))).toEqual(update)
  })

  it('of first versions of the protocol are read', () => {
    expect(parseTableUpdate({ action: 'set-properties', updated: { a: 'b' } })).toEqual({
      action: 'set-properties',
      updates: { a: 'b' },
    })
    expect(parseTableUpdate({ action: 'remove-properties', removed: ['a'] })).toEqual({
      action: 'remove-properties',
      removals: ['a'],
    })
  })

  it('get their ids from the table: specs and orders may come without', () => {
    const field = { name: 'a', transform: 'identity', 'source-id': 1 }
    expect(parseTableUpdate({ action: 'add-spec', spec: { fields: [field] } })).toMatchObject({
      spec: { specId: 0, fields: [{ fieldId: 1000 }] },
    })
    expect(parseTableUpdate({ action: 'add-sort-order', 'sort-order': { fields: [] } })).toMatchObject({
      sortOrder: { orderId: 0 },
    })
  })

  it('of an empty order have the id of that order, as Java takes no other', () => {
    const update: TableUpdate = { action: 'add-sort-order', sortOrder: { orderId: 1, fields: [] } }
    expect(serializeTableUpdate(update)).toMatchObject({ 'sort-order': { 'order-id': 0, fields: [] } })
  })

  it('that are not known are refused, never skipped; members that are missing are too', () => {
    expect(kindOf(() => parseTableUpdate({ action: 'set-colour', colour: 'red' }))).toBe('invalid-argument')
    expect(kindOf(() => parseTableUpdate({ action: 'constructor' }))).toBe('invalid-argument')
    expect(kindOf(() => parseTableUpdate({ action: 'add-encryption-key' }))).toBe('unsupported')
    for (const [{ action }] of UPDATES) expect(kindOf(() => parseTableUpdate({ action }))).toBe('corrupt')
  })
})

describe('commits', () => {
  const requirements = REQUIREMENTS.map(([requirement]) => requirement)
  const updates = UPDATES.map(([update]) => update)
  const identifier = { namespace: ['a', 'b'], name: 't' }

  it.each(REQUIREMENTS)('have requirements that go both ways: %o', (requirement, wire) => {
    const json: JsonObject = { requirements: [wire], updates: [] }
    expect(overWire(serializeCommitTableRequest({ requirements: [requirement], updates: [] }))).toEqual(
      overWire(json),
    )
    expect(parseCommitTableRequest(overWire(json)).requirements).toEqual([requirement])
  })

  it('of one table and of several go both ways', () => {
    const one = { identifier, requirements, updates }
    expect(parseCommitTableRequest(overWire(serializeCommitTableRequest(one)))).toEqual(one)
    const several = [one, { identifier: { namespace: ['a'], name: 'u' }, requirements, updates: [] }]
    expect(parseCommitTransactionRequest(overWire(serializeCommitTransactionRequest(several)))).toEqual(
      several,
    )
  })

  it('of several tables name each of them', () => {
    const nameless: JsonObject = { 'table-changes': [{ requirements: [], updates: [] }] }
    expect(kindOf(() => parseCommitTransactionRequest(nameless))).toBe('corrupt')
  })

  it('with requirements that are not known are refused', () => {
    const json: JsonObject = { requirements: [{ type: 'assert-weather' }], updates: [] }
    expect(kindOf(() => parseCommitTableRequest(json))).toBe('invalid-argument')
  })

  it('that cannot be read are the fault of who sent them', () => {
    for (const text of ['', '[]', '{', '{"requirements": 1, "updates": []}', '{"updates": []}'])
      expect(kindOf(() => parseRequestBody(utf8Encode(text), parseCommitTableRequest))).toBe(
        'invalid-argument',
      )
    expect(kindOf(() => parseRequestBody(Uint8Array.of(0xff), parseCommitTableRequest))).toBe(
      'invalid-argument',
    )
  })
})
