/**
 * A Parquet file with the types that format version 3 added - variant, geometry, geography, unknown - and what each
 * engine says of it: pyarrow and Iceberg's Java library give a variant's bytes, Spark and DuckDB its JSON.
 */
import { join } from 'node:path'
import fc from 'fast-check'
import { batchOf } from '../../src/batch/vector-builder.js'
import { openParquetWriter } from '../../src/format/parquet/write.js'
import type { Field, Value } from '../../src/schema/types.js'
import {
  arbitraryTree,
  encodeMetadata,
  encodeValue,
  namesOf,
  plainStyle,
  type VariantTree,
} from '../format/variant-tree.js'
import type { JudgeName, ParquetRequest } from '../judges/judge.js'
import { sortedLines } from './canonical-rows.js'
import { icebergSchema } from './engine-schemas.js'
import { io } from './parquet-gallery.js'

const FIELDS: readonly Field[] = [
  { id: 1, name: 'id', required: true, type: { kind: 'long' } },
  { id: 2, name: 'any', required: true, type: { kind: 'variant' } },
  { id: 3, name: 'json', required: false, type: { kind: 'variant' } },
  { id: 4, name: 'shape', required: false, type: { kind: 'geometry' } },
  { id: 5, name: 'place', required: false, type: { kind: 'geography' } },
  { id: 6, name: 'nothing', required: false, type: { kind: 'unknown' } },
]
const ROWS = 60
const SEED = 7

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

interface Row {
  readonly id: number
  readonly any: VariantTree
  /** Undefined stands for null, as against a variant that is null. */
  readonly json: Json | undefined
  readonly shape: Buffer | null
}

const rows: readonly Row[] = fc
  .sample(fc.record({ any: arbitraryTree, json: arbitraryJson(), shape: fc.option(arbitraryPoint()) }), {
    numRuns: ROWS,
    seed: SEED,
  })
  .map(({ any, json, shape }, index) => ({ id: index, any, json: index % 6 === 0 ? undefined : json, shape }))

function arbitraryJson(): fc.Arbitrary<Json> {
  const { json } = fc.letrec<{ json: Json }>(tie => ({
    json: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constant(null),
      fc.boolean(),
      fc.integer(),
      fc.string({ unit: 'grapheme', maxLength: 20 }),
      fc.array(tie('json'), { maxLength: 4 }),
      fc.dictionary(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 4 }), tie('json'), {
        maxKeys: 4,
        noNullPrototype: true,
      }),
    ),
  }))
  return json
}

/** Well-known binary of a point. */
function arbitraryPoint(): fc.Arbitrary<Buffer> {
  return fc.tuple(fc.integer({ min: -180, max: 180 }), fc.integer({ min: -90, max: 90 })).map(([x, y]) => {
    const bytes = Buffer.from('0101000000'.padEnd(42, '0'), 'hex')
    bytes.writeDoubleLE(x, 5)
    bytes.writeDoubleLE(y, 13)
    return bytes
  })
}

function treeOf(json: Json): VariantTree {
  if (json === null) return { type: 'null' }
  if (typeof json === 'boolean') return { type: 'boolean', value: json }
  if (typeof json === 'number') return { type: 'int32', value: json }
  if (typeof json === 'string') return { type: 'string', value: json }
  if (Array.isArray(json)) return { type: 'array', elements: json.map(treeOf) }
  const fields = Object.entries(json).map(([name, value]) => [name, treeOf(value)])
  return { type: 'object', fields: Object.fromEntries(fields) }
}

interface VariantBytes {
  readonly metadata: Buffer
  readonly value: Buffer
}

function bytesOf(tree: VariantTree): VariantBytes {
  const style = plainStyle(namesOf(tree))
  return { metadata: encodeMetadata(style), value: encodeValue(tree, style) }
}

function joined({ metadata, value }: VariantBytes): Uint8Array {
  return Uint8Array.from(Buffer.concat([metadata, value]))
}

/** Writes the file into the folder. */
export async function writeNewerTypes(folder: string): Promise<string> {
  const path = join(folder, 'newer-types.parquet')
  const writer = await openParquetWriter(io, path, {
    codec: 'zstd',
    fields: FIELDS,
    pageRows: 7,
    rowGroupRows: 25,
  })
  const values = rows.map(({ id, any, json, shape }): Value[] => {
    const point = shape === null ? null : Uint8Array.from(shape)
    return [
      BigInt(id),
      joined(bytesOf(any)),
      json === undefined ? null : joined(bytesOf(treeOf(json))),
      point,
      point,
      null,
    ]
  })
  await writer.write(batchOf(FIELDS, values))
  await writer.close()
  return path
}

const stored = FIELDS.filter(field => field.type.kind !== 'unknown')

export function newerTypesRequest(judge: JudgeName, path: string): ParquetRequest {
  const request = { verb: 'read', path } as const
  switch (judge) {
    case 'pyiceberg':
      return request
    case 'duckdb':
      return { ...request, columns: ['id', 'json::JSON::VARCHAR', 'ST_AsWKB(shape)', 'ST_AsWKB(place)'] }
    case 'spark':
      return {
        ...request,
        schema: {
          type: 'struct',
          fields: SPARK.map(([id, type]) => ({
            name: `r${id}`,
            type,
            nullable: true,
            metadata: { 'parquet.field.id': id },
          })),
        },
        expressions: ['r1', 'to_json(r3)', 'r4', 'r5'],
        iceberg: icebergSchema(
          stored.filter(field => field.type.kind !== 'geometry' && field.type.kind !== 'geography'),
        ),
      }
  }
}

const SPARK: readonly (readonly [number, string])[] = [
  [1, 'long'],
  [3, 'variant'],
  [4, 'binary'],
  [5, 'binary'],
]

/** Canonical lines with the bytes of variants, with or without the shapes. */
export function byteLines(withShapes: boolean): string[] {
  const lines = rows.map(({ id, any, json, shape }) => {
    const variant = json === undefined ? null : hexOf(bytesOf(treeOf(json)))
    const point = shape === null ? null : shape.toString('hex')
    return JSON.stringify([String(id), hexOf(bytesOf(any)), variant, ...(withShapes ? [point, point] : [])])
  })
  return sortedLines(lines)
}

function hexOf({ metadata, value }: VariantBytes): [string, string] {
  return [metadata.toString('hex'), value.toString('hex')]
}

/** Rows with the JSON of variants, by id. */
export function jsonRows(): unknown[] {
  return rows.map(({ id, json, shape }) => {
    const point = shape === null ? null : shape.toString('hex')
    return [String(id), json ?? null, point, point]
  })
}

/** The same out of an engine's lines. */
export function parsedRows(lines: readonly string[]): unknown[] {
  return lines
    .map(line => JSON.parse(line) as [string, string | null, unknown, unknown])
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([id, json, ...shapes]) => [id, json === null ? null : JSON.parse(json), ...shapes])
}
