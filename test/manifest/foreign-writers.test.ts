/**
 * Manifests and lists as other writers leave them: without field ids, in another order, with values in other forms.
 * Each is what serac writes with its schema changed, so what has to be read is known.
 */
import { describe, expect, it } from 'vitest'
import { concatBytes } from '../../src/base/bytes.js'
import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJson,
  stringifyJson,
} from '../../src/base/json.js'
import { readAvroContainer, writeAvroContainer } from '../../src/format/avro-container.js'
import { parseAvroSchema } from '../../src/format/avro-schema.js'
import type { ManifestEntry } from '../../src/manifest/content-file.js'
import { buildDeleteIndex } from '../../src/manifest/delete-index.js'
import { withEntryIds, withListIds } from '../../src/manifest/field-ids.js'
import { parseManifestList } from '../../src/manifest/manifest-list-read.js'
import { writeManifestList } from '../../src/manifest/manifest-list-write.js'
import { parseManifest } from '../../src/manifest/manifest-read.js'
import { manifestListSchema, manifestSchema } from '../../src/manifest/manifest-schema.js'
import { serializeManifest } from '../../src/manifest/manifest-write.js'
import { partitionValueReader } from '../../src/manifest/partition-value.js'
import { parseUuid } from '../../src/schema/uuid-text.js'
import { dataFile, manifestFile, memory, options, SCHEMA, SNAPSHOT, SPEC } from './manifest-files.js'

const LOCATION = 'memory://t/metadata/m0.avro'
const read = { specs: [SPEC], schema: SCHEMA }
const file = dataFile('a', {
  partition: ['eu', -1234n, 0.5, 7, 19_000],
  columnSizes: new Map([[1, 100]]),
  valueCounts: new Map([
    [1, 10],
    [70_000, 3],
  ]),
  lowerBounds: new Map([[2, Uint8Array.of(97)]]),
  upperBounds: new Map([[2, Uint8Array.of(98)]]),
  splitOffsets: [4, 900],
})
const written = serializeManifest(options([{ status: 'added', file }]))
const entries = parseManifest(written, manifestFile(), read)

/** The file with another schema in its header, which has to describe the same bytes. */
function withSchema(bytes: Uint8Array, change: (schema: JsonObject) => JsonObject): Uint8Array {
  const stored = readAvroContainer(bytes, { location: LOCATION })
  const schema = parseJson(stored.metadata.get('avro.schema') ?? '')
  if (!isJsonObject(schema)) throw new Error('the schema is no object')
  const text = stringifyJson(change(schema))
  const marker = new Uint8Array(16)
  const blocks = [...stored.blocks()].map(({ bytes: block, recordCount }) =>
    concatBytes([longOf(recordCount), longOf(block.length), block, marker]),
  )
  return concatBytes([headerOf(text), marker, ...blocks])
}

function headerOf(schema: string): Uint8Array {
  const texts = ['avro.schema', schema].map(text => Buffer.from(text))
  return concatBytes([
    Buffer.from('Obj\u0001'),
    longOf(1),
    ...texts.flatMap(text => [longOf(text.length), text]),
    longOf(0),
  ])
}

function longOf(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value * 2
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  return Uint8Array.of(...bytes, rest)
}

/** The schema in which every object went through `change`. */
function changed(json: JsonValue, change: (object: JsonObject) => JsonObject): JsonValue {
  if (Array.isArray(json)) return json.map((item: JsonValue) => changed(item, change))
  if (!isJsonObject(json)) return json
  const inner = Object.entries(json).map(([name, value]) => [name, changed(value, change)] as const)
  return change(Object.fromEntries(inner))
}

const IDS = new Set(['field-id', 'element-id', 'key-id', 'value-id', 'iceberg-field-name'])
const withoutIds = (object: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(object).filter(([name]) => !IDS.has(name)))

function stripped(schema: JsonObject): JsonObject {
  const json = changed(schema, withoutIds)
  if (!isJsonObject(json)) throw new Error('the schema is no object')
  return json
}

describe('a manifest whose writer left out field ids', () => {
  it('is read by the names of the fields, its tuples by the names of the spec', () => {
    expect(parseManifest(withSchema(written, stripped), manifestFile(), read)).toEqual(entries)
  })

  it('is read when the pairs of its statistics have none, or others, whatever they are called', () => {
    const isPair = ({ type, fields }: JsonObject): boolean =>
      type === 'record' &&
      Array.isArray(fields) &&
      fields.length === 2 &&
      stringifyJson(fields).includes('"key"')
    const pairs = (pair: (field: JsonObject, index: number) => JsonObject) => (schema: JsonObject) =>
      changed(schema, object =>
        isPair(object) ? { ...object, fields: (object.fields as JsonObject[]).map(pair) } : object,
      ) as JsonObject
    for (const pair of [
      (field: JsonObject) => withoutIds(field),
      (field: JsonObject, index: number) => ({ ...field, name: `x${index}`, 'field-id': 5000 + index }),
    ]) {
      expect(parseManifest(withSchema(written, pairs(pair)), manifestFile(), read)).toEqual(entries)
    }
  })

  it.each([2, 3] as const)('of version %i has all ids again', version => {
    const partition = { kind: 'struct', fields: [] } as const
    const known = [manifestSchema(version, partition).avro, manifestListSchema(version).avro] as const
    const [entry, list] = known.map(
      schema => [parseAvroSchema(schema), parseAvroSchema(stripped(schema))] as const,
    )
    expect(entry).toBeDefined()
    for (const [[whole, bare], identify] of [
      [entry!, withEntryIds],
      [list!, withListIds],
    ] as const) {
      if (whole.kind !== 'record' || bare.kind !== 'record') throw new Error('not a record')
      const named = JSON.parse(JSON.stringify(identify(bare)))
      expect(named).toEqual(
        JSON.parse(JSON.stringify(whole), (key, value) => (key === 'elementId' ? undefined : value)),
      )
      expect(identify(whole)).toBe(whole)
    }
  })
})

describe('a list whose writer left out field ids', () => {
  it('is read by names, the old ones of the counts too', async () => {
    const io = memory()
    const manifest = manifestFile({
      addedFilesCount: 1,
      existingFilesCount: 2,
      deletedFilesCount: 3,
      addedRowsCount: 4,
      existingRowsCount: 5,
      deletedRowsCount: 6,
      partitions: [{ containsNull: true, containsNan: false, lowerBound: Uint8Array.of(1) }],
    })
    await writeManifestList(io, LOCATION, [manifest], {
      formatVersion: 2,
      snapshotId: SNAPSHOT,
      parentSnapshotId: undefined,
      sequenceNumber: 8n,
    })
    const bytes = await io.read(LOCATION)
    const old = (object: JsonObject): JsonObject =>
      typeof object.name === 'string'
        ? { ...object, name: object.name.replace(/_files_count$/, '_data_files_count') }
        : object
    for (const change of [stripped, (schema: JsonObject) => changed(stripped(schema), old) as JsonObject])
      expect(parseManifestList(withSchema(bytes, change), { location: LOCATION })).toEqual([manifest])
  })
})

/** As avsc takes them. */
function withBuffers(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value)
  if (Array.isArray(value)) return value.map(withBuffers)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withBuffers(inner)]))
}

/** The manifest written anew. */
function rewritten(
  change: (schema: JsonObject) => JsonObject,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const stored = readAvroContainer(written, { location: LOCATION })
  const schema = change(parseJson(stored.metadata.get('avro.schema') ?? '') as JsonObject)
  const records = [...stored.records()].map(record => withBuffers(record) as JsonObject)
  return writeAvroContainer(records, { schema, metadata, codec: 'null' })
}

describe('a manifest in another order', () => {
  it('is read when the file stands before its status', () => {
    const bytes = rewritten(schema => ({ ...schema, fields: (schema.fields as JsonObject[]).toReversed() }))
    expect(parseManifest(bytes, manifestFile(), read)).toEqual(entries)
  })
})

describe('a manifest whose spec the table does not have', () => {
  it('is read by its header, which may hold the whole spec', () => {
    const stored = readAvroContainer(written, { location: LOCATION })
    const fields = parseJson(stored.metadata.get('partition-spec') ?? '')
    const whole = stringifyJson({ 'spec-id': SPEC.specId, fields })
    const bytes = rewritten(schema => schema, { 'partition-spec': whole })
    expect(parseManifest(bytes, manifestFile(), { specs: [], schema: SCHEMA })).toEqual(entries)
  })
})

describe('a partition value in another form', () => {
  const uuid = 'f79c3e09-677c-4bbd-a479-3f349cb785e7'

  it('is read as its type has it', () => {
    const optional = (kind: 'string' | 'int' | 'long') =>
      ({ kind: 'union', branches: [{ kind: 'null' }, { kind }] }) as const
    expect(partitionValueReader(optional('string'), { kind: 'uuid' })(uuid)).toEqual(parseUuid(uuid))
    expect(partitionValueReader(optional('int'), { kind: 'time' })(7)).toBe(7n)
    expect(partitionValueReader(optional('long'), { kind: 'date' })(7n)).toBe(7)
    expect(partitionValueReader(optional('string'), { kind: 'uuid' })(null)).toBeNull()
  })

  it.each([
    [{ kind: 'uuid' }, 'f79c'],
    [{ kind: 'long' }, 'x'],
    [{ kind: 'int' }, 'x'],
    [{ kind: 'boolean' }, 'x'],
    [{ kind: 'binary' }, 'x'],
  ] as const)('that %j cannot hold is refused', (type, value) => {
    expect(() => partitionValueReader({ kind: 'string' }, type)(value)).toThrow(
      expect.objectContaining({ kind: 'corrupt', context: { type: type.kind } }),
    )
  })
})

describe('a delete manifest that holds data files', () => {
  it('is refused: its rows would come back', () => {
    const entry: ManifestEntry = {
      status: 'added',
      snapshotId: SNAPSHOT,
      dataSequenceNumber: 1n,
      fileSequenceNumber: 1n,
      file,
    }
    expect(() => buildDeleteIndex([entry], { partitionSpecs: [SPEC], schemas: [SCHEMA] })).toThrow(
      expect.objectContaining({ kind: 'corrupt', context: { location: file.location } }),
    )
    expect(
      buildDeleteIndex([{ ...entry, status: 'deleted' }], { partitionSpecs: [SPEC], schemas: [SCHEMA] })
        .fileCount,
    ).toBe(0)
  })
})
