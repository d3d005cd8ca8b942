/**
 * Table metadata, schemas and manifest lists of public projects, valid and broken, against what other engines make of
 * them. The files stay in the shared folder; the suite is skipped where it is missing. Deletion vectors, bitmaps and
 * Puffin files of the same set are read by `test/format/public-vectors.test.ts`.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { hexEncode } from '../../src/base/bytes.js'
import { isLakeError } from '../../src/base/errors.js'
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../src/base/json.js'
import { systemRuntime } from '../../src/base/runtime.js'
import { createLocalIO } from '../../src/io/local.js'
import type { ManifestFile } from '../../src/manifest/manifest-file.js'
import { parseManifestList } from '../../src/manifest/manifest-list-read.js'
import { manifestListSchema, manifestSchema } from '../../src/manifest/manifest-schema.js'
import { readTableMetadata } from '../../src/metadata/metadata-file.js'
import type { TableMetadata } from '../../src/metadata/table-metadata.js'
import { parseTableMetadata, serializeTableMetadata } from '../../src/metadata/table-metadata-json.js'
import { parseSchema, serializeSchema } from '../../src/schema/schema-json.js'
import { type PublicCase, publicCases, publicPath } from './public-files.js'

type Facts = Readonly<Record<string, string>>

const metadata = publicCases('metadata')
const manifests = publicCases('manifest')
const has =
  (feature: RegExp) =>
  ({ features, path }: PublicCase): boolean =>
    features.some(each => feature.test(each)) || feature.test(path)

/** Not table metadata: views and messages of the REST protocol are no part of this version. */
const tables = metadata.filter(each => !has(/^view$|^rest-|-schema-/)(each))
const schemas = metadata.filter(has(/-schema-java/))
const lists = manifests.filter(each => each.path.endsWith('.avro'))
const references = manifests.filter(has(/avro-schema-reference/))

const io = createLocalIO({ runtime: systemRuntime })
const read = ({ path }: PublicCase): Promise<TableMetadata> => readTableMetadata(io, publicPath(path))

/** Unknown versions are `unsupported`, everything else that breaks the format is `corrupt`. */
const KINDS: Readonly<Record<string, string>> = {
  'unsupported-version': 'unsupported',
  'unsupported-compression': 'unsupported',
  encrypted: 'unsupported',
}
const kindOf = (error: string): string => KINDS[error] ?? 'corrupt'

function factsOf(table: TableMetadata): Facts {
  return {
    uuid: String(table.tableUuid),
    seq: String(table.lastSequenceNumber),
    'schema-id': String(table.currentSchemaId),
    'spec-id': String(table.defaultSpecId),
    'last-part': String(table.lastPartitionId),
    sort: String(table.defaultSortOrderId),
    stats: `${table.statistics.length}/${table.partitionStatistics.length}`,
    cur: String(table.currentSnapshotId ?? null),
    schemas: String(table.schemas.length),
    specs: String(table.partitionSpecs.length),
    snaps: String(table.snapshots.length),
  }
}

describe.skipIf(metadata.length === 0)('the table metadata of public projects', () => {
  it('is there', () => {
    expect(tables.length).toBeGreaterThan(25)
    expect(lists.length).toBeGreaterThan(3)
  })

  it.each(tables.filter(each => each.expect.error !== null))('$path is refused', async each => {
    const kind = kindOf(each.expect.error ?? '')
    await expect(read(each)).rejects.toMatchObject({
      kind,
      context: { location: publicPath(each.path) },
    })
  })

  it.each(
    tables.filter(each => each.expect.error === null),
  )('$path says what other engines read in it, and keeps it through a round trip', async each => {
    let table: TableMetadata
    try {
      table = await read(each)
    } catch (error) {
      // Engines differ here, and refusing is one of the answers.
      const accepted = (each.expect.accept_errors ?? []).map(kindOf)
      if (!isLakeError(error) || !accepted.includes(error.kind)) throw error
      return
    }
    if (typeof each.format_version === 'number') expect(table.formatVersion).toBe(each.format_version)
    if (each.confidence !== 'low') expect(factsOf(table)).toMatchObject(each.expect.facts ?? {})
    expect(parseTableMetadata(serializeTableMetadata(table))).toEqual(table)
  })

  it.each(schemas)('$path is a schema that keeps all of its types', each => {
    const json = parseJson(readFileSync(publicPath(each.path), 'utf8'))
    if (!isJsonObject(json)) throw new Error('not an object')
    const schema = parseSchema(json)
    expect(parseSchema(serializeSchema(schema))).toEqual(schema)
    expect(schema.fields.map(field => field.type.kind)).toContain('geometry')
  })
})

/** The facts of a manifest by field id, as the set states them. */
function manifestFacts(manifest: ManifestFile, stated: JsonObject): JsonObject {
  const text = (value: bigint | number | undefined): JsonValue => (value === undefined ? null : String(value))
  const facts: JsonObject = {
    500: manifest.location,
    501: text(manifest.lengthBytes),
    502: text(manifest.specId),
    503: text(manifest.addedSnapshotId),
    504: text(manifest.addedFilesCount),
    505: text(manifest.existingFilesCount),
    506: text(manifest.deletedFilesCount),
    507:
      stated['507'] === null && manifest.partitions.length === 0
        ? null
        : manifest.partitions.map(summaryFacts),
    512: text(manifest.addedRowsCount),
    513: text(manifest.existingRowsCount),
    514: text(manifest.deletedRowsCount),
    515: text(manifest.sequenceNumber),
    516: text(manifest.minSequenceNumber),
    517: manifest.content === 'data' ? '0' : '1',
    519: manifest.keyMetadata === undefined ? null : hexEncode(manifest.keyMetadata),
    520: text(manifest.firstRowId),
  }
  return Object.fromEntries(Object.keys(stated).map(id => [id, facts[id] ?? null]))
}

function summaryFacts(summary: ManifestFile['partitions'][number]): JsonObject {
  const bytes = (value: Uint8Array | undefined): JsonValue => (value === undefined ? null : hexEncode(value))
  return {
    509: summary.containsNull,
    510: bytes(summary.lowerBound),
    511: bytes(summary.upperBound),
    518: summary.containsNan ?? null,
  }
}

describe.skipIf(lists.length === 0)('the manifest lists of public projects', () => {
  it.each(lists.filter(each => each.expect.error === null))('$path holds the stated manifests', each => {
    const stated = each.expect.facts_file
    const manifests = parseManifestList(new Uint8Array(readFileSync(publicPath(each.path))), {
      location: each.path,
    })
    expect(manifests.length).toBe(each.expect.rows)
    if (stated === undefined) return
    const facts = parseJson(readFileSync(publicPath(stated), 'utf8'))
    if (!Array.isArray(facts)) throw new Error('not a list')
    const expected = facts.filter(isJsonObject)
    expect(manifests.map((manifest, index) => manifestFacts(manifest, expected[index] ?? {}))).toEqual(
      expected,
    )
  })

  it.each(lists.filter(each => each.expect.error !== null))('$path is refused', each => {
    const bytes = new Uint8Array(readFileSync(publicPath(each.path)))
    expect(() => parseManifestList(bytes, { location: each.path })).toThrow(
      expect.objectContaining({ kind: kindOf(each.expect.error ?? '') }),
    )
  })

  it.each(references)('$path names its fields as the files that are written here do', each => {
    const reference = avroFields(parseJson(readFileSync(publicPath(each.path), 'utf8')))
    const partition = { kind: 'struct', fields: [] } as const
    const written = avroFields(
      each.path.includes('entry') ? manifestSchema(2, partition).avro : manifestListSchema(2).avro,
    )
    for (const [id, name] of reference) {
      // Tuples depend on the table; block size and the old counts of files go by their older names, or are gone.
      if (id >= 1000 || id === 105 || (id >= 504 && id <= 506)) continue
      expect([id, written.get(id)]).toEqual([id, name])
    }
  })
})

/** Names of the fields of an Avro schema by id, and the ids of elements, keys and values. */
function avroFields(schema: JsonValue, found: Map<number, string> = new Map()): Map<number, string> {
  if (Array.isArray(schema)) for (const each of schema) avroFields(each, found)
  if (!isJsonObject(schema)) return found
  const id = schema['field-id']
  if (typeof id === 'number') found.set(id, String(schema.name))
  for (const part of ['element-id', 'key-id', 'value-id'])
    if (typeof schema[part] === 'number') found.set(schema[part], part)
  for (const inner of ['type', 'items', 'values', 'fields'])
    if (schema[inner] !== undefined) avroFields(schema[inner] ?? null, found)
  return found
}
