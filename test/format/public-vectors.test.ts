/**
 * Deletion vectors, Roaring bitmaps, Puffin files and Avro lists of other implementations. They stay in the
 * shared folder (their licences are their projects'); the suite runs when it is there.
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { hexEncode } from '../../src/base/bytes.js'
import { isLakeError } from '../../src/base/errors.js'
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../src/base/json.js'
import { readAvroContainer } from '../../src/format/avro-container.js'
import { fieldKey } from '../../src/format/avro-record.js'
import type { AvroType } from '../../src/format/avro-schema.js'
import {
  DELETION_VECTOR_BLOB,
  parseDeletionVector,
  serializeDeletionVector,
} from '../../src/format/deletion-vector.js'
import type { PositionSet } from '../../src/format/position-set.js'
import { parsePuffin, puffinBlobBytes } from '../../src/format/puffin.js'
import { parseRoaring, serializeRoaring } from '../../src/format/roaring.js'

const ROOT = '../shared/fixtures/public'

interface Case {
  readonly id: string
  readonly kind: string
  readonly features: readonly string[]
  readonly expect: JsonObject
  readonly bytes: Uint8Array
}

function casesOf(kind: string): Case[] {
  if (!existsSync(ROOT)) return []
  const index = parseJson(readFileSync(`${ROOT}/index.json`, 'utf8'))
  const cases = Array.isArray(index) ? index.filter(isJsonObject) : []
  return cases
    .filter(each => each.kind === kind)
    .map(each => ({
      id: String(each.id),
      kind,
      features: Array.isArray(each.features) ? each.features.map(String) : [],
      expect: isJsonObject(each.expect) ? each.expect : {},
      bytes: new Uint8Array(readFileSync(`${ROOT}/${String(each.path)}`)),
    }))
}

function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function checkPositions(set: PositionSet, expected: JsonObject): void {
  expect(set.cardinality).toBe(expected.cardinality)
  if (Array.isArray(expected.positions)) {
    expect([...set.toArray()].slice(0, 100).map(String)).toEqual(expected.positions.slice(0, 100))
  }
}

const vectors = casesOf('dv')
const puffins = casesOf('puffin')
const manifests = casesOf('manifest').filter(({ id }) => id.endsWith('.avro'))
const none = vectors.length === 0

describe.skipIf(none)('the bitmaps of other implementations', () => {
  it.each(vectors)('$id reads, and writes the same bytes again', ({ bytes, features, expect: expected }) => {
    const isEnveloped = features.includes('dv-envelope')
    const read = (): PositionSet =>
      isEnveloped ? parseDeletionVector(bytes, { location: 'x' }) : parseRoaring(bytes)
    if (expected.error !== null) {
      expect(read).toThrow(expect.objectContaining({ kind: 'corrupt' }))
      return
    }
    const set = read()
    checkPositions(set, expected)
    if (expected.round_trip !== undefined)
      expect(hexEncode(serializeDeletionVector(set))).toBe(hexEncode(bytes))
    expect([...parseRoaring(serializeRoaring(set)).toArray()]).toEqual([...set.toArray()])
  })
})

describe.skipIf(none)('the puffin files of other implementations', () => {
  it.each(puffins)('$id reads', ({ bytes, expect: expected }) => {
    const file = parsePuffin(bytes, { location: 'x' })
    expect(file.properties).toEqual(expected.properties)
    const blobs = Array.isArray(expected.blobs) ? expected.blobs.filter(isJsonObject) : []
    expect(file.blobs.length).toBe(blobs.length)
    blobs.forEach((blob, index) => {
      const read = file.blobs[index]!
      const content = puffinBlobBytes(bytes, read, { location: 'x' })
      expect({
        type: read.type,
        fields: read.fields,
        'snapshot-id': String(read.snapshotId ?? -1),
        'sequence-number': String(read.sequenceNumber ?? -1),
        offset: read.offset,
        length: read.lengthBytes,
        payload_sha256: sha256(content),
      }).toEqual({
        type: blob.type,
        fields: blob.fields,
        'snapshot-id': blob['snapshot-id'],
        'sequence-number': blob['sequence-number'],
        offset: blob.offset,
        length: blob.length,
        payload_sha256: blob.payload_sha256,
      })
      if (read.type !== DELETION_VECTOR_BLOB) return
      const set = parseDeletionVector(content, { location: 'x' })
      expect([...set.toArray()].map(String)).toEqual(blob.positions)
    })
  })
})

/** The canonical form of a record: values by field id, as the fixtures describe it. */
function factsOf(type: AvroType, value: unknown): JsonValue {
  if (value === null || value === undefined) return null
  if (type.kind === 'union') return factsOf(type.branches.find(branch => branch.kind !== 'null')!, value)
  if (type.kind === 'array' && Array.isArray(value)) {
    return value.map((item: unknown) => factsOf(type.items, item))
  }
  if (type.kind === 'record') {
    const record = value as Readonly<Record<string, unknown>>
    const fields = [...type.fields].sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1))
    return Object.fromEntries(
      fields.map(field => [String(field.id), factsOf(field.type, record[fieldKey(field.id ?? -1)])]),
    )
  }
  if (value instanceof Uint8Array) return hexEncode(value)
  return type.kind === 'int' || type.kind === 'long' ? String(value) : (value as JsonValue)
}

describe.skipIf(none)('the avro manifest lists of other implementations', () => {
  it.each(manifests)('$id reads, or is refused', ({ bytes, expect: expected }) => {
    if (expected.error !== null) {
      expect(() => readAvroContainer(bytes, { location: 'x' })).toThrow(
        expect.objectContaining({ kind: 'unsupported' }),
      )
      return
    }
    const file = readAvroContainer(bytes, { location: 'x' })
    const facts = [...file.records()].map(record => factsOf(file.schema, record))
    expect(sha256(JSON.stringify(facts))).toBe(expected.sha256)
  })
})

describe.skipIf(none)('broken vectors', () => {
  it('are refused or read, never a crash, whatever single byte is changed', () => {
    for (const { bytes, features } of vectors.filter(each => each.bytes.length < 2000)) {
      if (!features.includes('roaring64-portable')) continue
      for (let at = 0; at < bytes.length; at++) {
        const broken = bytes.slice()
        broken[at] = (broken[at]! ^ 0xff) & 0xff
        try {
          parseRoaring(broken)
        } catch (error) {
          expect(isLakeError(error)).toBe(true)
        }
      }
    }
  })
})
