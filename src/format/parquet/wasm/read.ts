/**
 * parquet-wasm as a reading engine: the oracle that serac's own decoder is held against, and selectable. It gets a
 * file of the wanted columns of one row group and gives Arrow batches.
 */
import { errorText, LakeError } from '../../../base/errors.js'
import type { ColumnBatch, Vector } from '../../../batch/column-batch.js'
import { concatBatches, takeVector } from '../../../batch/take.js'
import type { Field, Type } from '../../../schema/types.js'
import { arrowSchemaText, batchesFromIpc } from '../../arrow.js'
import type { ParquetFooter } from '../footer/footer.js'
import { PhysicalType } from '../footer/metadata.js'
import type { ReadEngine, ReadEngineOptions, SliceDecoding } from '../read-engine.js'
import { rowsOfRanges } from '../row-ranges.js'
import { decodeRowGroup } from './engine.js'
import { buildRowGroupFile } from './row-group.js'

const BATCH_ROWS = 65_536

/** @throws unsupported for columns that parquet-wasm does not decode */
export function wasmReadEngine(options: ReadEngineOptions): ReadEngine {
  for (const field of options.fields) checkDecodable(field, options.footer.location)
  const hints = unitHints(options.footer, options.columns)
  return {
    name: 'parquet-wasm',
    readsShared: false,
    slicesAhead: 0,
    decode: async request => (options.fields.length === 0 ? [] : decodeSlice(options, request, hints)),
  }
}

function checkDecodable(field: Field, location: string): void {
  const refused = undecodableKind(field.type)
  if (refused === undefined) return
  throw new LakeError('unsupported', 'columns of the type cannot be read by parquet-wasm', {
    context: { location, field: field.name, type: refused },
  })
}

function undecodableKind(type: Type): string | undefined {
  switch (type.kind) {
    case 'variant':
      return type.kind
    case 'decimal':
      return type.precision > 38 ? type.kind : undefined
    case 'struct':
      return type.fields.map(field => undecodableKind(field.type)).find(kind => kind !== undefined)
    case 'list':
      return undecodableKind(type.element)
    case 'map':
      return undecodableKind(type.key) ?? undecodableKind(type.value)
    default:
      return undefined
  }
}

function decodeSlice(
  options: ReadEngineOptions,
  { slice, bytesOf }: SliceDecoding,
  keyValueMetadata: ReadonlyMap<string, string> | undefined,
): readonly Vector[] {
  const { footer, columns, fields } = options
  const { rowGroup, rows } = slice
  const file = buildRowGroupFile(footer, { rowGroup, columns, bytesOf, keyValueMetadata })
  const batches: ColumnBatch[] = []
  try {
    for (const ipc of decodeRowGroup(file, BATCH_ROWS)) {
      batches.push(...batchesFromIpc(ipc, fields))
    }
  } catch (cause) {
    if (cause instanceof LakeError && cause.kind !== 'corrupt') throw cause
    throw corruptRowGroup(footer.location, rowGroup, cause)
  }
  const whole = concatBatches(fields, batches)
  if (whole.length !== footer.metadata.rowGroups[rowGroup]?.rowCount)
    throw corruptRowGroup(footer.location, rowGroup, 'rows are missing')
  if (rows === undefined) return whole.columns
  const wanted = rowsOfRanges(rows)
  return whole.columns.map(column => takeVector(column, wanted))
}

function corruptRowGroup(location: string, rowGroup: number, cause: unknown): LakeError {
  const context = { location, rowGroup, reason: errorText(cause) }
  return new LakeError('corrupt', 'the rows of the parquet file cannot be decoded', { context, cause })
}

/**
 * INT96 says no unit and the engine would take nanoseconds, which end in the year 2262. The Arrow schema that
 * writers may leave in the footer is where it takes a unit from, so we leave one there: ours, in micros.
 */
function unitHints(
  footer: ParquetFooter,
  columns: readonly number[],
): ReadonlyMap<string, string> | undefined {
  const { roots, leaves } = footer.schema
  const anyInt96 = columns.some(column => {
    const root = roots[column]
    return leaves
      .slice(root?.leafFrom, root?.leafTo)
      .some(leaf => leaf.element.physicalType === PhysicalType.int96)
  })
  if (!anyInt96) return undefined
  const fields = columns.flatMap(column => footer.fields[column] ?? [])
  return new Map([['ARROW:schema', arrowSchemaText(fields)]])
}
