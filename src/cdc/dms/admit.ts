/**
 * Which rows of a file are taken in, and in what order: those that the table does not hold, up to where the feed shall
 * be applied, in the order of their sequences.
 *
 * A sequence at or below one that was applied is a repetition, or a change that comes late: of two tasks that write to one
 * place it may be either. So it stops the feed unless the settings say what it is.
 */
import { LakeError } from '../../base/errors.js'
import type { VarBytesVector } from '../../batch/column-batch.js'
import { printSource } from '../source-tables.js'
import { type DmsChunk, sequenceAt, sequenceOrder, takeChunk } from './chunk.js'
import type { PlannedFile } from './plan.js'
import { compareSequences, type FilePosition } from './position.js'
import type { DmsSettings } from './settings.js'

export interface AdmitOptions {
  readonly settings: DmsSettings
  readonly until: FilePosition | undefined
  readonly onIgnored: (what: string) => void
}

export interface Admitted {
  readonly admitted: DmsChunk
  /** Rows of the file up to here are taken in, and nothing behind it: the feed is to be applied no further. */
  readonly cutAt?: number
}

/**
 * The rows of a chunk that are taken in; the table's sequence moves on.
 * @throws conflict for changes that come behind later ones
 */
export function admitChunk(chunk: DmsChunk, planned: PlannedFile, options: AdmitOptions): Admitted {
  const last = lastWanted(chunk, planned, options)
  const begun = withinRows(chunk, planned.rowsBefore, last ?? Number.POSITIVE_INFINITY)
  const admitted = inSequence(begun, planned, options)
  return last === undefined ? { admitted } : { admitted, cutAt: last }
}

/** The last row of the file to take in, where that is in the chunk. @throws unsupported in a file that is out of order */
function lastWanted(chunk: DmsChunk, planned: PlannedFile, { until }: AdmitOptions): number | undefined {
  if (until === undefined) return undefined
  const { fileRows, sequences } = chunk
  const { file } = planned
  const end = fileRows.at(-1) ?? 0
  if (until.name === file.name) return until.row !== undefined && until.row <= end ? until.row : undefined
  const { sequence } = until
  if (until.name !== '' || sequence === undefined) return undefined
  const order = sequenceOrder(sequences)
  if (order === undefined || sequences === undefined) {
    checkHasSequences(chunk, planned)
    return undefined
  }
  if (!order.isAscending) {
    throw new LakeError(
      'unsupported',
      'a file whose changes are out of order is applied whole or not at all',
      {
        context: { location: file.location, until: sequence, remedy: 'name a file with --until' },
      },
    )
  }
  if (compareSequences(order.last, sequence) <= 0) return undefined
  let row = 0
  while (compareSequences(sequenceAt(sequences, row), sequence) <= 0) row++
  return row === 0 ? (fileRows[0] as number) - 1 : (fileRows[row - 1] as number)
}

/** A position that is a sequence means nothing where changes have none. @throws invalid-argument */
function checkHasSequences({ kinds }: DmsChunk, { file, table }: PlannedFile): void {
  if (file.kind === 'load' || kinds.length === 0) return
  throw new LakeError('invalid-argument', 'the changes of a file have no sequence: name a file instead', {
    context: { table: printSource(table.source), location: file.location },
  })
}

function withinRows(chunk: DmsChunk, before: number, last: number): DmsChunk {
  const { fileRows, poison } = chunk
  const [first = 0] = fileRows
  const end = fileRows.at(-1) ?? 0
  const kept = poison.filter(({ fileRow }) => fileRow > before && fileRow <= last)
  if (first > before && end <= last && kept.length === poison.length) return chunk
  const rows = selectedRows(fileRows.length, row => {
    const fileRow = fileRows[row] as number
    return fileRow > before && fileRow <= last
  })
  return { ...takeChunk(chunk, rows), poison: kept }
}

function selectedRows(length: number, isWanted: (row: number) => boolean): Int32Array {
  return Int32Array.from({ length }, (_, row) => row).filter(isWanted)
}

function inSequence(chunk: DmsChunk, planned: PlannedFile, options: AdmitOptions): DmsChunk {
  const { sequences } = chunk
  const { table } = planned
  const order = sequenceOrder(sequences)
  if (sequences === undefined || order === undefined) {
    if (table.floor !== undefined) checkHasSequences(chunk, planned)
    return chunk
  }
  const sorted = order.isAscending ? chunk : bySequence(chunk, sequences)
  const ordered = sorted.sequences as VarBytesVector
  const first = order.isAscending ? order.first : sequenceAt(ordered, 0)
  const last = order.isAscending ? order.last : sequenceAt(ordered, ordered.length - 1)
  const { floor, sequence } = table
  const isWhole =
    (floor === undefined || compareSequences(first, floor) > 0) &&
    (sequence === undefined || compareSequences(first, sequence) > 0)
  if (isWhole && (order.isAscending || isStrict(ordered))) {
    table.sequence = last
    return sorted
  }
  const rows = selectedRows(ordered.length, row => isAdmitted(sequenceAt(ordered, row), planned, options))
  return takeChunk(sorted, rows)
}

/** Moves the table's sequence on. @throws conflict */
function isAdmitted(
  sequence: string,
  { table, file }: PlannedFile,
  { settings, onIgnored }: AdmitOptions,
): boolean {
  const { floor } = table
  if (floor !== undefined && compareSequences(sequence, floor) <= 0) return false
  const reached = table.sequence
  if (reached === undefined || compareSequences(sequence, reached) > 0) {
    table.sequence = sequence
    return true
  }
  if (settings.late === 'apply') return true
  if (settings.late === 'skip') {
    onIgnored('change that was repeated or came late')
    return false
  }
  throw new LakeError('conflict', 'a change comes behind later ones: it is repeated, or late', {
    context: {
      table: printSource(table.source),
      location: file.location,
      sequence,
      reached,
      remedy: 'a task that went on may repeat changes: --dms-late skip; of two tasks: --dms-late apply',
    },
  })
}

function bySequence(chunk: DmsChunk, sequences: VarBytesVector): DmsChunk {
  const texts = Array.from({ length: sequences.length }, (_, row) => sequenceAt(sequences, row))
  const rows = Int32Array.from({ length: texts.length }, (_, row) => row)
  rows.sort((a, b) => compareSequences(texts[a] as string, texts[b] as string) || a - b)
  return takeChunk(chunk, rows)
}

function isStrict(sequences: VarBytesVector): boolean {
  for (let row = 1; row < sequences.length; row++)
    if (compareSequences(sequenceAt(sequences, row), sequenceAt(sequences, row - 1)) <= 0) return false
  return true
}
