/**
 * Reading a position delete file: rows of (file_path, pos), meant to be sorted by both, which is not relied on.
 * A path is compared as bytes to the path of the row before and decoded only when it changes.
 * @see Iceberg table spec, "Position Delete Files"
 */
import { LakeError } from '../base/errors.js'
import { type ColumnBatch, isPresent, type Vector } from '../batch/column-batch.js'
import { PositionSet } from '../format/position-set.js'
import type { FileIO } from '../io/file-io.js'
import type { PositionDeleteFile } from '../manifest/content-file.js'
import { DELETE_FILE_PATH_FIELD, DELETE_POSITION_FIELD } from '../schema/reserved-fields.js'
import { openContentFile } from './open-file.js'

/** Deleted positions by data file path. */
export type PositionsByPath = ReadonlyMap<string, PositionSet>

/**
 * Reads a position delete file whole, Parquet or Avro.
 * @throws corrupt when file_path or pos is missing, or pos is null or no position
 */
export async function readPositionDeletes(
  io: FileIO,
  file: PositionDeleteFile,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<PositionsByPath> {
  const { location } = file
  const opened = await openContentFile(io, file, options)
  const columns = [DELETE_FILE_PATH_FIELD, DELETE_POSITION_FIELD].map(({ id, name }) => {
    const index = opened.fields.findIndex(field => field.id === id)
    if (index < 0)
      throw new LakeError('corrupt', 'a position delete file lacks a column', {
        context: { location, column: name },
      })
    return index
  })
  const positions = new Map<string, PositionSet>()
  for await (const { batch } of opened.read({ columns })) addPositions(positions, batch, location)
  return positions
}

function addPositions(positions: Map<string, PositionSet>, batch: ColumnBatch, location: string): void {
  const [paths, values] = batch.columns
  if (paths === undefined || values?.layout !== 'fixed-width' || !(values.values instanceof BigInt64Array))
    throw new LakeError('corrupt', 'the columns of a position delete file have wrong types', {
      context: { location },
    })
  const pathAt = pathReader(paths, location)
  for (let row = 0; row < batch.length; row++) {
    // Some writers leave rows without a path, which name no row; Java passes them over too.
    if (!isPresent(paths, row)) continue
    const path = pathAt(row)
    if (!isPresent(values, row))
      throw new LakeError('corrupt', 'a position delete has no position', { context: { location } })
    let set = positions.get(path)
    if (set === undefined) {
      set = new PositionSet()
      positions.set(path, set)
    }
    const position = Number(values.values[row])
    if (position < 0 || position > Number.MAX_SAFE_INTEGER)
      throw new LakeError('corrupt', 'a position delete has an impossible position', {
        context: { location },
      })
    set.add(position)
  }
}

/** Decodes the path of a row; neighbours of equal bytes cost a comparison. */
function pathReader(vector: Vector, location: string): (row: number) => string {
  if (vector.layout === 'dictionary') {
    const { codes, dictionary } = vector
    const decode = pathReader(dictionary, location)
    const decoded = new Map<number, string>()
    return row => {
      const code = codes[row] as number
      const known = decoded.get(code)
      if (known !== undefined) return known
      const path = decode(code)
      decoded.set(code, path)
      return path
    }
  }
  if (vector.layout !== 'var-bytes')
    throw new LakeError('corrupt', 'the columns of a position delete file have wrong types', {
      context: { location },
    })
  const bytes = Buffer.from(vector.bytes.buffer, vector.bytes.byteOffset, vector.bytes.byteLength)
  const { offsets } = vector
  let from = 0
  let to = -1
  let path = ''
  return row => {
    const start = offsets[row] as number
    const end = offsets[row + 1] as number
    if (to < 0 || end - start !== to - from || bytes.compare(bytes, from, to, start, end) !== 0) {
      path = bytes.toString('utf8', start, end)
      from = start
      to = end
    }
    return path
  }
}
