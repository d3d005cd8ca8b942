/** Rows that serac reads, in the form in which the judges print theirs: arrays in field order, as sorted JSON texts. */
import type { ColumnBatch, Field, Scan, Type } from '../../src/index.js'
import { jsonRowsOfBatch } from '../../src/index.js'

export interface CanonicalRows {
  readonly fields: readonly string[]
  readonly rows: readonly string[]
}

export async function canonicalRows(scan: Scan): Promise<CanonicalRows> {
  const { fields } = await scan.plan()
  return canonicalOf(fields, scan)
}

/** The same of what states its columns itself: a metadata table, or changes. */
export async function canonicalInspection(
  inspection: Batches & { fields(): Promise<readonly Field[]> },
): Promise<CanonicalRows> {
  return canonicalOf(await inspection.fields(), inspection)
}

interface Batches {
  batches(): AsyncIterable<ColumnBatch>
}

async function canonicalOf(fields: readonly Field[], source: Batches): Promise<CanonicalRows> {
  const rows: string[] = []
  for await (const batch of source.batches()) rows.push(...canonicalBatch(batch))
  return { fields: fields.map(field => field.name), rows: rows.sort() }
}

function canonicalBatch(batch: ColumnBatch): readonly string[] {
  return [...jsonRowsOfBatch(batch)].map(row =>
    JSON.stringify(batch.fields.map((field: Field) => canonical(field.type, row[field.name]))),
  )
}

/** From the spec's single-value form to the judges': longs as text, maps as sorted pairs, minus zero as text. */
function canonical(type: Type, value: unknown): unknown {
  if (value === null || value === undefined) return null
  switch (type.kind) {
    case 'long':
      return String(value)
    case 'float':
    case 'double':
      return Object.is(value, -0) ? '-0.0' : value
    case 'struct': {
      const row = value as Readonly<Record<string, unknown>>
      return Object.fromEntries(
        type.fields.map(field => [field.name, canonical(field.type, row[field.name])]),
      )
    }
    case 'list':
      return (value as readonly unknown[]).map(item => canonical(type.element, item))
    case 'map': {
      const { keys, values } = value as {
        readonly keys: readonly unknown[]
        readonly values: readonly unknown[]
      }
      return keys
        .map((key, index) => [canonical(type.key, key), canonical(type.value, values[index])])
        .map(pair => [JSON.stringify(pair), pair] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, pair]) => pair)
    }
    default:
      return value
  }
}
