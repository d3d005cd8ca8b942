/**
 * Lines of wal2json as JSON, some of which are none, for reasons that are known.
 *
 * - The plugin puts the name of a type between quotes unless it begins with one. The type of a column may be
 *   `"My Schema".mood`, which then stands in the line as it is.
 * - `pg_recvlogical -f` appends. When it was killed, the record that it was writing goes on with the first of the next run,
 *   in one line: `{"action":"I","sche{"action":"B",...}`. A run that was killed between a record and its newline leaves two
 *   whole records in a line. What was being written may end within a character.
 * - A logical message may hold bytes of any kind.
 */

import { asBuffer } from '../../base/bytes.js'
import { isLakeError, type LakeError } from '../../base/errors.js'
import type { ExactJson } from '../../base/json.js'
import type { SourceTable } from '../change-event.js'
import { type FeedLine, parseFeedJson } from '../feed-lines.js'

/** How records begin. A quote inside a JSON string is escaped, so neither stands in one. */
export const RECORD_V2: RegExp = /\{"action":"/g
export const RECORD_V1: RegExp = /\{"(?:xid|nextlsn|timestamp|origin|change)":/g

/** The line's parts, each from where a record begins; the first one may be the rest of a record. */
export function recordsIn(text: string, begins: RegExp): readonly string[] {
  const starts = [...text.matchAll(begins)].map(({ index }) => index)
  if (starts.length === 0 || (starts.length === 1 && starts[0] === 0)) return [text]
  if (starts[0] !== 0) starts.unshift(0)
  return starts.map((start, index) => text.slice(start, starts[index + 1]))
}

/** The text of a line, and the error where its bytes are not UTF-8: then with a mark for each that is none. */
export function textOfLine(line: FeedLine): { readonly text: string; readonly error: LakeError | undefined } {
  try {
    return { text: line.text, error: undefined }
  } catch (error) {
    if (!isLakeError(error, 'corrupt') || line.bytes === undefined) throw error
    return { text: asBuffer(line.bytes).toString('utf8'), error }
  }
}

/** Stands for bytes that are not UTF-8. */
export const NOT_UTF8 = '\ufffd'

/** The text as JSON, with quotes around types where they are missing; else the error. */
export function parsedOr(text: string, number: number): ExactJson | LakeError {
  try {
    return parseFeedJson({ number, text })
  } catch (error) {
    if (!isLakeError(error)) throw error
    const repaired = withQuotedTypes(text)
    if (repaired === undefined) return error
    try {
      return parseFeedJson({ number, text: repaired })
    } catch {
      return error
    }
  }
}

const NAMES = /"schema":\s?("(?:[^"\\]|\\.)*"),\s*"table":\s?("(?:[^"\\]|\\.)*")/

/** The table that a record is about which is no JSON; undefined for one that is about no row. */
export function tableIn(text: string): SourceTable | undefined {
  const match = NAMES.exec(text)
  try {
    return match === null ? undefined : { schema: nameIn(match[1]), name: nameIn(match[2]) }
  } catch {
    return undefined
  }
}

function nameIn(quoted: string | undefined): string {
  return String(JSON.parse(quoted ?? ''))
}

/** A quoted name, and the name of a type in that schema. */
const QUALIFIED = String.raw`"(?:[^"]|"")*"\.(?:"(?:[^"]|"")*"|[a-z_][a-z0-9_$]*)`
const BARE_TYPE = new RegExp(String.raw`("type":\s?)(${QUALIFIED})(?=[,}])`, 'g')
const TYPE_LIST = /("(?:column|key|pk)types":\s?\[)(.*?)(\](?=,\s*"(?:column|key)|\s*\}))/gs
const BARE_TYPE_IN_LIST = new RegExp(String.raw`(^|,\s?)(${QUALIFIED}|"[^"]*"\[\])(?=,|$)`, 'g')

/** The line with quotes around types that lack them, or undefined where there are none. */
function withQuotedTypes(text: string): string | undefined {
  const repaired = text
    .replace(BARE_TYPE, (_, before: string, type: string) => before + JSON.stringify(type))
    .replace(TYPE_LIST, (_, before: string, list: string, after: string) => {
      const quoted = list.replace(
        BARE_TYPE_IN_LIST,
        (_match, comma: string, type: string) => comma + JSON.stringify(type),
      )
      return before + quoted + after
    })
  return repaired === text ? undefined : repaired
}
