/** Configuration, namespaces, tables, metrics and tokens on the wire, in the words of the specification. */
import { describe, expect, it } from 'vitest'
import { type JsonObject, parseJson, stringifyJson } from '../../src/base/json.js'
import { asObject } from '../../src/base/json-fields.js'
import { parseRequestBody } from '../../src/rest/body.js'
import { parseCatalogConfig, serializeCatalogConfig } from '../../src/rest/config-json.js'
import { DEFAULT_ENDPOINTS, ENDPOINTS, knownEndpoints } from '../../src/rest/endpoints.js'
import { parseMetricsReport, serializeMetricsReport } from '../../src/rest/metrics-json.js'
import {
  parseNamespacePage,
  parseNamespaceUpdate,
  parseNamespaceWithProperties,
  serializeNamespacePage,
  serializeNamespaceUpdate,
  serializeNamespaceWithProperties,
} from '../../src/rest/namespace-json.js'
import {
  decodeTokenRequest,
  encodeTokenRequest,
  type OAuthTokenRequest,
  parseOAuthToken,
  serializeOAuthToken,
} from '../../src/rest/oauth-json.js'
import {
  parseCreateTableRequest,
  parseIdentifierPage,
  parseRegisterTableRequest,
  parseRenameRequest,
  serializeCreateTableRequest,
  serializeIdentifierPage,
  serializeRegisterTableRequest,
  serializeRenameRequest,
} from '../../src/rest/table-json.js'
import { kindOf } from './kind-of.js'

interface Message {
  readonly name: string
  readonly json: JsonObject
  readonly there: (json: JsonObject) => unknown
}

function message<T>(
  name: string,
  json: JsonObject,
  codec: { readonly parse: (json: JsonObject) => T; readonly serialize: (value: T) => JsonObject },
): Message {
  return { name, json, there: given => codec.serialize(codec.parse(given)) }
}

const IDENTIFIER: JsonObject = { namespace: ['accounting', 'tax'], name: 'paid' }

const MESSAGES: readonly Message[] = [
  message(
    'config',
    {
      overrides: { warehouse: 's3://bucket/warehouse/' },
      defaults: { clients: '4' },
      'idempotency-key-lifetime': 'PT30M',
      endpoints: ['GET /v1/{prefix}/namespaces'],
    },
    { parse: parseCatalogConfig, serialize: serializeCatalogConfig },
  ),
  message(
    'a namespace',
    { namespace: ['accounting', 'tax'], properties: { owner: 'Ralph' } },
    { parse: parseNamespaceWithProperties, serialize: serializeNamespaceWithProperties },
  ),
  message(
    'a page of namespaces',
    { namespaces: [['a', 'b'], ['c']], 'next-page-token': null },
    { parse: parseNamespacePage, serialize: serializeNamespacePage },
  ),
  message(
    'an update of a namespace',
    { removals: ['foo', 'bar'], updates: { owner: 'Raoul' } },
    { parse: parseNamespaceUpdate, serialize: serializeNamespaceUpdate },
  ),
  message(
    'a table to be created',
    {
      name: 't',
      location: 's3://a',
      schema: {
        type: 'struct',
        'schema-id': 0,
        fields: [{ id: 1, name: 'id', required: false, type: 'long' }],
      },
      'partition-spec': {
        'spec-id': 0,
        fields: [{ name: 'id', transform: 'identity', 'source-id': 1, 'field-id': 1000 }],
      },
      'write-order': {
        'order-id': 1,
        fields: [{ transform: 'identity', 'source-id': 1, direction: 'asc', 'null-order': 'nulls-first' }],
      },
      'stage-create': true,
      properties: { a: 'b' },
    },
    { parse: parseCreateTableRequest, serialize: serializeCreateTableRequest },
  ),
  message(
    'a table to be registered',
    { name: 't', 'metadata-location': 's3://a', overwrite: true },
    { parse: parseRegisterTableRequest, serialize: serializeRegisterTableRequest },
  ),
  message(
    'a new name',
    { source: IDENTIFIER, destination: IDENTIFIER },
    { parse: parseRenameRequest, serialize: serializeRenameRequest },
  ),
  message(
    'a page of tables',
    { identifiers: [IDENTIFIER], 'next-page-token': 'x' },
    { parse: parseIdentifierPage, serialize: serializeIdentifierPage },
  ),
  message(
    'the report of a scan',
    {
      'report-type': 'scan-report',
      'table-name': 't',
      'snapshot-id': 9_223_372_036_854_775_807n,
      filter: { type: 'eq', term: 'id', value: 9_007_199_254_740_993n },
      'schema-id': 0,
      'projected-field-ids': [1],
      'projected-field-names': ['id'],
      metrics: {
        'total-planning-duration': { count: 1, 'time-unit': 'nanoseconds', 'total-duration': 2_644_235_116 },
        'result-data-files': { unit: 'count', value: 1 },
      },
      metadata: { 'engine-name': 'spark' },
    },
    { parse: parseMetricsReport, serialize: serializeMetricsReport },
  ),
  message(
    'the report of a commit',
    {
      'report-type': 'commit-report',
      'table-name': 't',
      'snapshot-id': 1,
      'sequence-number': 2,
      operation: 'append',
      metrics: {},
    },
    { parse: parseMetricsReport, serialize: serializeMetricsReport },
  ),
  message(
    'a report of another kind',
    { 'report-type': 'weather-report', rain: true },
    { parse: parseMetricsReport, serialize: serializeMetricsReport },
  ),
  message(
    'a token',
    { access_token: 'a', token_type: 'bearer', expires_in: 3600, scope: 'catalog' },
    { parse: parseOAuthToken, serialize: serializeOAuthToken },
  ),
]

describe('messages', () => {
  it.each(MESSAGES)('are written as they were read: $name', ({ json, there }) => {
    const wire = asObject(parseJson(stringifyJson(json)), 'body')
    expect(parseJson(stringifyJson(there(wire)))).toEqual(wire)
    // Members of later versions are no reason to refuse a message.
    expect(there({ ...wire, 'from-the-future': 1 })).toBeDefined()
  })

  it('that lack something are corrupt', () => {
    for (const { name, there } of MESSAGES)
      if (!/config|page|update/.test(name))
        expect(
          kindOf(() => there({})),
          name,
        ).toBe('corrupt')
  })

  it('tell no properties by null', () => {
    expect(parseNamespaceWithProperties({ namespace: ['a'], properties: null }).properties).toEqual({})
  })
})

describe('configuration', () => {
  it.each([
    ['PT30M', 1_800_000],
    ['PT24H', 86_400_000],
    ['P1DT1.5S', 86_401_500],
    ['PT0S', 0],
  ])('tells durations: %s', (text, ms) => {
    expect(parseCatalogConfig({ 'idempotency-key-lifetime': text }).idempotencyKeyLifetimeMs).toBe(ms)
  })

  it.each(['', 'P', 'PT', '30M', 'P1Y', 'PT-1S'])('that is no duration is corrupt: %s', text => {
    expect(kindOf(() => parseCatalogConfig({ 'idempotency-key-lifetime': text }))).toBe('corrupt')
  })

  it('names endpoints; of those that nobody knows nothing is made', () => {
    const all = Object.values(ENDPOINTS)
    expect(knownEndpoints([...all, 'POST /v1/{prefix}/miracles']).size).toBe(all.length)
    expect(new Set(all).size).toBe(all.length)
    expect(DEFAULT_ENDPOINTS).toHaveLength(14)
  })
})

describe('requests for tokens', () => {
  const parameters = { scope: 'catalog', audience: 'a b&c' }
  it.each<OAuthTokenRequest>([
    { grant: 'client-credentials', clientId: 'id', clientSecret: 's=+&', parameters },
    { grant: 'client-credentials', clientSecret: 's', parameters: {} },
    {
      grant: 'token-exchange',
      subjectToken: 't',
      subjectTokenType: 'urn:ietf:params:oauth:token-type:jwt',
      actorToken: 'u',
      actorTokenType: 'urn:ietf:params:oauth:token-type:access_token',
      parameters,
    },
  ])('are forms that go both ways: $grant', request => {
    expect(decodeTokenRequest(encodeTokenRequest(request))).toEqual(request)
  })

  it('of other grants, or without what they need, are none', () => {
    expect(decodeTokenRequest('grant_type=password&username=a')).toBeUndefined()
    expect(decodeTokenRequest('grant_type=client_credentials&client_id=a')).toBeUndefined()
    expect(decodeTokenRequest('')).toBeUndefined()
  })
})

describe('a body', () => {
  const nested = (levels: number): string => {
    let type = '"long"'
    for (let n = 0; n < levels; n++)
      type = `{"type":"list","element-id":${n + 2},"element-required":false,"element":${type}}`
    return `{"name":"t","schema":{"type":"struct","fields":[{"id":1,"name":"a","required":false,"type":${type}}]}}`
  }
  const kindOfBody = (text: string) =>
    kindOf(() => parseRequestBody(new TextEncoder().encode(text), parseCreateTableRequest))

  it('is the mistake of who sent it when it is too deep, or a number too long, to be read', () => {
    expect(kindOfBody(nested(300))).toBe('nothing was thrown')
    for (const levels of [301, 6_000, 100_000]) expect(kindOfBody(nested(levels))).toBe('invalid-argument')
    expect(kindOfBody(`{"name":"t","x":${'9'.repeat(1_000_000)}}`)).toBe('invalid-argument')
    expect(kindOfBody('['.repeat(1_000_000))).toBe('invalid-argument')
  })
})
