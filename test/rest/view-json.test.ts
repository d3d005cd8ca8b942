/** Views on the wire: both directions, old names, what is refused. */
import { describe, expect, it } from 'vitest'
import { LakeError } from '../../src/base/errors.js'
import { type JsonObject, parseJson, stringifyJson } from '../../src/base/json.js'
import { asObject } from '../../src/base/json-fields.js'
import { applyViewUpdates } from '../../src/metadata/view-apply.js'
import { newViewUpdates } from '../../src/metadata/view-definition.js'
import {
  type CommitViewRequest,
  parseCommitViewRequest,
  parseCreateViewRequest,
  parseLoadViewResult,
  parseRegisterViewRequest,
  serializeCommitViewRequest,
  serializeCreateViewRequest,
  serializeLoadViewResult,
  serializeRegisterViewRequest,
} from '../../src/rest/view-json.js'
import { NOW_MS, SCHEMA, UUID } from '../metadata/tables.js'

const VERSION = {
  timestampMs: NOW_MS,
  summary: { 'engine-name': 'test' },
  representations: [{ kind: 'sql', sql: 'SELECT 1', dialect: 'spark' }],
  defaultNamespace: ['a', 'b'],
} as const
const VIEW_VERSION = { ...VERSION, versionId: 1, schemaId: 0 }
const UPDATES = newViewUpdates({
  uuid: UUID,
  location: 's3://b/v',
  schema: SCHEMA,
  version: VERSION,
  properties: { comment: 'x' },
})

/** Through text, as on the wire. */
function wire(json: JsonObject): JsonObject {
  return asObject(parseJson(stringifyJson(json)), 'wire')
}

function kindOf(json: JsonObject): unknown {
  try {
    return parseCommitViewRequest(json)
  } catch (error) {
    return error instanceof LakeError ? error.kind : error
  }
}

describe('requests and results of views', () => {
  it('come back as they were', () => {
    const create = {
      name: 'v',
      location: 's3://b/v',
      schema: SCHEMA,
      viewVersion: VIEW_VERSION,
      properties: {},
    }
    expect(parseCreateViewRequest(wire(serializeCreateViewRequest(create)))).toEqual(create)
    const register = { name: 'v', metadataLocation: 's3://b/v/metadata/1.json' }
    expect(parseRegisterViewRequest(wire(serializeRegisterViewRequest(register)))).toEqual(register)
    const metadata = applyViewUpdates(undefined, UPDATES, { nowMs: NOW_MS })
    const result = { metadataLocation: 's3://b/v/metadata/1.json', metadata, config: { token: 't' } }
    expect(parseLoadViewResult(wire(serializeLoadViewResult(result)))).toEqual(result)
  })

  it('of a commit have every update and requirement of views', () => {
    const commit: CommitViewRequest = {
      requirements: [{ type: 'assert-view-uuid', uuid: UUID }],
      updates: [
        ...UPDATES,
        { action: 'upgrade-format-version', formatVersion: 1 },
        { action: 'remove-properties', removals: ['comment'] },
      ],
    }
    const json = wire(serializeCommitViewRequest(commit))
    expect(parseCommitViewRequest(json)).toEqual(commit)
    expect(json.updates).toEqual(
      expect.arrayContaining([
        { action: 'set-current-view-version', 'view-version-id': -1 },
        { action: 'set-properties', updates: { comment: 'x' } },
      ]),
    )
  })

  it('are read under the names that old clients write, and without what may be left out', () => {
    const request = parseCommitViewRequest({
      identifier: { namespace: ['a'], name: 'v' },
      updates: [
        { action: 'set-properties', updated: { a: '1' } },
        { action: 'remove-properties', removed: ['b'] },
      ],
    })
    expect(request).toEqual({
      requirements: [],
      updates: [
        { action: 'set-properties', updates: { a: '1' } },
        { action: 'remove-properties', removals: ['b'] },
      ],
    })
  })

  it.each([
    ['no updates', {}, 'corrupt'],
    ['an update of tables', { updates: [{ action: 'add-snapshot', snapshot: {} }] }, 'invalid-argument'],
    [
      'a requirement of tables',
      { requirements: [{ type: 'assert-table-uuid', uuid: UUID }], updates: [] },
      'invalid-argument',
    ],
    [
      'a format version that nobody knows',
      { updates: [{ action: 'upgrade-format-version', 'format-version': 2 }] },
      'unsupported',
    ],
    ['removals that are no texts', { updates: [{ action: 'remove-properties', removals: [1] }] }, 'corrupt'],
    ['no removals', { updates: [{ action: 'remove-properties' }] }, 'corrupt'],
  ])('with %s are refused', (_name, json, kind) => {
    expect(kindOf(json)).toBe(kind)
  })

  it('cannot require that a view is new', () => {
    const request: CommitViewRequest = { requirements: [{ type: 'assert-create' }], updates: [] }
    expect(() => serializeCommitViewRequest(request)).toThrow(LakeError)
  })
})
