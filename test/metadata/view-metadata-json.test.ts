/** View metadata as JSON and as files: the specification's example, what is refused, what is kept. */
import { describe, expect, it } from 'vitest'
import { LakeError } from '../../src/base/errors.js'
import { type JsonObject, parseJson, stringifyJson } from '../../src/base/json.js'
import { gzip } from '../../src/format/compression.js'
import { createMemoryIO } from '../../src/io/memory.js'
import type { ViewMetadata } from '../../src/metadata/view-metadata.js'
import {
  newViewMetadataLocation,
  readViewMetadata,
  writeViewMetadata,
} from '../../src/metadata/view-metadata-file.js'
import { parseViewMetadata, viewMetadataToJson } from '../../src/metadata/view-metadata-json.js'

/** The first example of the view specification's appendix. */
const EXAMPLE = {
  'view-uuid': 'fa6506c3-7681-40c8-86dc-e36561f83385',
  'format-version': 1,
  location: 's3://bucket/warehouse/default.db/event_agg',
  properties: { comment: 'Daily event counts' },
  schemas: [
    {
      type: 'struct',
      'schema-id': 1,
      fields: [
        { id: 1, name: 'event_count', required: false, type: 'int', doc: 'Count of events' },
        { id: 2, name: 'event_date', required: false, type: 'date' },
      ],
    },
  ],
  'current-version-id': 1,
  versions: [
    {
      'version-id': 1,
      'timestamp-ms': 1573518431292,
      'schema-id': 1,
      summary: { 'engine-name': 'Spark', 'engine-version': '3.3.2' },
      'default-catalog': 'prod',
      'default-namespace': ['default'],
      representations: [
        {
          type: 'sql',
          sql: 'SELECT\n    COUNT(1), CAST(event_ts AS DATE)\nFROM events\nGROUP BY 2',
          dialect: 'spark',
        },
      ],
    },
  ],
  'version-log': [{ 'timestamp-ms': 1573518431292, 'version-id': 1 }],
} as const

function parse(change: Readonly<Record<string, unknown>> = {}): ViewMetadata {
  return parseViewMetadata(stringifyJson({ ...EXAMPLE, ...change }))
}

function refusal(change: Readonly<Record<string, unknown>>): unknown {
  try {
    return parse(change)
  } catch (error) {
    return error instanceof LakeError ? { kind: error.kind, ...error.context } : error
  }
}

describe('view metadata', () => {
  it('of the specification comes back as it was', () => {
    const metadata = parse()
    expect(metadata).toMatchObject({
      viewUuid: EXAMPLE['view-uuid'],
      currentVersionId: 1,
      versions: [{ defaultCatalog: 'prod', defaultNamespace: ['default'] }],
      versionLog: [{ timestampMs: 1573518431292, versionId: 1 }],
    })
    expect(parseJson(stringifyJson(viewMetadataToJson(metadata)))).toEqual(EXAMPLE)
  })

  it('keeps a representation that nobody defined yet', () => {
    const plan = { type: 'plan', form: { nested: [1, 2n ** 60n] } }
    const [version] = EXAMPLE.versions
    const metadata = parse({
      versions: [{ ...version, representations: [...version.representations, plan] }],
    })
    expect(metadata.versions[0]?.representations[1]).toEqual({ kind: 'other', json: plan })
    const json = viewMetadataToJson(metadata).versions as readonly JsonObject[]
    expect(json[0]?.representations).toEqual([...version.representations, plan])
  })

  it('of old versions that lost their schema is read', () => {
    const [version] = EXAMPLE.versions
    const old = { ...version, 'version-id': 0, 'schema-id': 7 }
    expect(parse({ versions: [old, version] }).versions).toHaveLength(2)
  })

  it.each([
    ['another format version', { 'format-version': 2 }, { kind: 'unsupported', formatVersion: 2 }],
    ['no uuid', { 'view-uuid': null }, { kind: 'corrupt', field: 'view-uuid' }],
    ['no location', { location: undefined }, { kind: 'corrupt', field: 'location' }],
    ['no versions', { versions: undefined }, { kind: 'corrupt', field: 'versions' }],
    ['no version log', { 'version-log': undefined }, { kind: 'corrupt', field: 'version-log' }],
    ['a current version that is not there', { 'current-version-id': 9 }, { kind: 'corrupt', id: 9 }],
    ['a current schema that is not there', { schemas: [] }, { kind: 'corrupt', field: 'schema-id', id: 1 }],
    [
      'no default namespace',
      { versions: [{ ...EXAMPLE.versions[0], 'default-namespace': undefined }] },
      { kind: 'corrupt', field: 'default-namespace' },
    ],
  ])('with %s is refused', (_name, change, expected) => {
    expect(refusal(change)).toMatchObject(expected)
  })
})

describe('metadata files of views', () => {
  it('count up, are gzipped unless told otherwise, and come back', async () => {
    const io = createMemoryIO()
    const plain = parse({ properties: { 'write.metadata.compression-codec': 'none' } })
    for (const metadata of [parse(), plain]) {
      const previousLocation = 's3://b/v/metadata/00041-x.gz.metadata.json'
      const location = newViewMetadataLocation(metadata, { previousLocation, uuid: 'u' })
      const end = metadata === plain ? '.metadata.json' : '.gz.metadata.json'
      expect(location).toBe(`${EXAMPLE.location}/metadata/00042-u${end}`)
      await writeViewMetadata(io, metadata, { location })
      expect(await readViewMetadata(io, location)).toEqual(metadata)
    }
    expect(newViewMetadataLocation(parse(), { uuid: 'u' })).toContain('/00000-u.')
  })

  it('are read by their bytes, and what is broken is named', async () => {
    const io = createMemoryIO()
    await io.write('s3://b/v1.metadata.json', gzip(new TextEncoder().encode(stringifyJson(EXAMPLE))))
    expect(await readViewMetadata(io, 's3://b/v1.metadata.json')).toEqual(parse())
    await io.write('s3://b/v2.metadata.json', new TextEncoder().encode('{"view-uuid": '))
    await expect(readViewMetadata(io, 's3://b/v2.metadata.json')).rejects.toMatchObject({
      kind: 'corrupt',
      context: { location: 's3://b/v2.metadata.json' },
    })
  })
})
