/**
 * CSV (RFC 4180) as records, in bounded memory. A field that is not quoted and has the null text is null; one that is quoted never
 * is, so an absent value and an empty text are two things. Quoted fields may hold delimiters, line ends and doubled
 * quotes; a quote inside an unquoted field stands for itself. Lines end in LF or CR LF; empty ones are passed over.
 *
 * By hand, as docs/adr/0029-csv.md says.
 */
import { LakeError } from '../base/errors.js'

export interface CsvDialect {
  /** One character, not a quote or a line end; default a comma. */
  readonly delimiter?: string | undefined
  /** Text of an unquoted field that is null; default the empty text. */
  readonly nullText?: string | undefined
}

export interface CsvRecord {
  /** Of its first line, from 1. */
  readonly line: number
  readonly fields: readonly (string | null)[]
}

/** A longer record is refused: a quote that is never closed would take in the rest of the file. */
const RECORD_CHARS_MAX = 2 ** 26

/** Where parsing stands in the text at hand. */
interface Scan {
  readonly text: string
  readonly delimiter: string
  readonly nullText: string
  readonly source: string
  /** Line on which the record begins. */
  readonly line: number
}

interface Parsed {
  readonly fields: (string | null)[]
  /** Behind the line end. */
  readonly end: number
  /** Line ends inside it and behind it. */
  readonly lines: number
}

/**
 * The records of a text that comes in pieces.
 * @throws corrupt naming source and line for a quote that is not closed or goes on behind its end; invalid-argument for a delimiter that is
 * not one character
 */
export async function* csvRecords(
  pieces: AsyncIterable<string>,
  options: CsvDialect & { readonly source: string },
): AsyncGenerator<CsvRecord> {
  const { delimiter = ',', nullText = '', source } = options
  checkDelimiter(delimiter)
  let text = ''
  let at = 0
  let line = 1
  const next = (isLast: boolean): Parsed | undefined =>
    parseRecord({ text, delimiter, nullText, source, line }, at, isLast)
  for await (const piece of pieces) {
    text = text.slice(at) + piece
    at = 0
    for (let parsed = next(false); parsed !== undefined; parsed = next(false)) {
      if (parsed.fields.length > 0) yield { line, fields: parsed.fields }
      at = parsed.end
      line += parsed.lines
    }
    if (text.length - at > RECORD_CHARS_MAX) throw broken('a record is too long', { source, line })
  }
  while (at < text.length) {
    const parsed = next(true)
    if (parsed === undefined) throw broken('a quote is not closed', { source, line })
    if (parsed.fields.length > 0) yield { line, fields: parsed.fields }
    at = parsed.end
    line += parsed.lines
  }
}

function checkDelimiter(delimiter: string): void {
  if (delimiter.length === 1 && !/["\r\n]/.test(delimiter)) return
  throw new LakeError('invalid-argument', 'the delimiter of CSV is one character', { context: { delimiter } })
}

function broken(message: string, context: { readonly source: string; readonly line: number }): LakeError {
  return new LakeError('corrupt', message, { context })
}

/** The record at `at`; undefined when its end is not in the text. An empty line has no fields. */
function parseRecord(scan: Scan, at: number, isLast: boolean): Parsed | undefined {
  const { text, delimiter, nullText } = scan
  const lineEnd = text.indexOf('\n', at)
  if (lineEnd < 0 && !isLast) return undefined
  const end = lineEnd < 0 ? text.length : lineEnd
  const line = text.slice(at, end > at && text[end - 1] === '\r' ? end - 1 : end)
  if (line.includes('"')) return parseQuoted(scan, at, isLast)
  const fields: (string | null)[] = line === '' ? [] : line.split(delimiter)
  for (let index = 0; index < fields.length; index++) if (fields[index] === nullText) fields[index] = null
  return { fields, end: end + 1, lines: 1 }
}

function parseQuoted(scan: Scan, start: number, isLast: boolean): Parsed | undefined {
  const { text, delimiter, nullText } = scan
  const fields: (string | null)[] = []
  let lines = 1
  for (let at = start; ; ) {
    let end: number
    if (text[at] === '"') {
      const field = quotedField(text, at)
      if (field === undefined) return undefined
      fields.push(field.value)
      lines += lineEndsIn(field.value)
      end = field.end
      // A quote or a CR at the very end of the text may be half of a pair.
      if (end >= text.length - 1 && !isLast) return undefined
    } else {
      end = unquotedEnd(text, at, delimiter)
      if (end >= text.length && !isLast) return undefined
      const isLineEnd = text[end] === '\n' || end >= text.length
      const value = text.slice(at, isLineEnd && text[end - 1] === '\r' ? end - 1 : end)
      fields.push(value === nullText ? null : value)
    }
    if (text[end] === delimiter) {
      at = end + 1
      continue
    }
    if (text[end] === '\r' && (text[end + 1] === '\n' || end + 1 >= text.length)) end++
    if (text[end] === '\n' || end >= text.length) return { fields, end: end + 1, lines }
    throw broken('a quoted field goes on behind its quote', { source: scan.source, line: scan.line })
  }
}

/** The value of the field whose quote stands at `at`; undefined when it is not closed in the text. */
function quotedField(text: string, at: number): { readonly value: string; readonly end: number } | undefined {
  let value = ''
  for (let from = at + 1; ; ) {
    const quote = text.indexOf('"', from)
    if (quote < 0) return undefined
    value += text.slice(from, quote)
    if (text[quote + 1] !== '"') return { value, end: quote + 1 }
    value += '"'
    from = quote + 2
  }
}

function unquotedEnd(text: string, at: number, delimiter: string): number {
  let end = at
  while (end < text.length && text[end] !== delimiter && text[end] !== '\n') end++
  return end
}

function lineEndsIn(value: string): number {
  let count = 0
  for (let at = value.indexOf('\n'); at >= 0; at = value.indexOf('\n', at + 1)) count++
  return count
}
