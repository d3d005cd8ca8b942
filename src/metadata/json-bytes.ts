/**
 * JSON by its bytes: where the members of an object and the items of a list begin and end, found without parsing
 * them and without making one text of it all. A table's metadata grows with its history, and whoever reads it wants
 * a few snapshots of thousands; the bytes may also be more than a string can hold.
 *
 * Only the shape is looked at (quotes, brackets, commas); what is inside is checked when it is parsed.
 */
import { utf8Decode } from '../base/bytes.js'
import { LakeError } from '../base/errors.js'
import { type JsonValue, parseJson } from '../base/json.js'
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
} from '../base/json-chars.js'

/** From the first byte of a value to behind its last. */
export interface JsonSpan {
  readonly begin: number
  readonly end: number
}

function corrupt(reason: string): LakeError {
  return new LakeError('corrupt', 'the text is not valid JSON', { context: { reason } })
}

/** The value of a span, parsed. @throws corrupt */
export function parseSpan(bytes: Uint8Array, span: JsonSpan): JsonValue {
  return parseJson(textOfSpan(bytes, span))
}

function textOfSpan(bytes: Uint8Array, { begin, end }: JsonSpan): string {
  try {
    return utf8Decode(bytes.subarray(begin, end))
  } catch (cause) {
    throw new LakeError('corrupt', 'the metadata file is not UTF-8 text', { cause })
  }
}

/** The members of a document, and where the items of some of its lists begin and end, in turns. */
export interface DocumentSpans {
  readonly members: ReadonlyMap<string, JsonSpan>
  readonly items: ReadonlyMap<string, readonly number[]>
}

/**
 * The members of the object that the bytes hold and nothing else, in one pass; of the members named in `lists` the
 * items too, if they are lists.
 * @throws corrupt, also for a name that stands twice
 */
export function documentSpans(bytes: Uint8Array, lists: ReadonlySet<string>): DocumentSpans {
  const members = new Map<string, JsonSpan>()
  const items = new Map<string, readonly number[]>()
  const first = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
  const end = eachMember(bytes, skipSpace(bytes, first), (key, begin) => {
    const name = parseSpan(bytes, key)
    if (typeof name !== 'string' || members.has(name)) throw corrupt('a member stands twice')
    const spans: number[] = []
    const isList = lists.has(name) && bytes[begin] === OPEN_BRACKET
    const valueEnds = isList ? takeItems(bytes, begin, spans) : valueEnd(bytes, begin)
    if (isList) items.set(name, spans)
    members.set(name, { begin, end: valueEnds })
    return valueEnds
  })
  if (end === undefined || skipSpace(bytes, end) !== bytes.length)
    throw corrupt('something follows the document')
  return { members, items }
}

/** The member of an object whose name is written as these bytes, without escapes; undefined when there is none. */
export function memberNamed(bytes: Uint8Array, span: JsonSpan, name: Uint8Array): JsonSpan | undefined {
  let found: JsonSpan | undefined
  eachMember(bytes, span.begin, (key, begin) => {
    const end = valueEnd(bytes, begin)
    if (!isNamed(bytes, key, name)) return end
    found = { begin, end }
    return undefined
  })
  return found
}

function isNamed(bytes: Uint8Array, key: JsonSpan, name: Uint8Array): boolean {
  if (key.end - key.begin !== name.length + 2) return false
  for (let index = 0; index < name.length; index++)
    if (bytes[key.begin + 1 + index] !== name[index]) return false
  return true
}

/**
 * Calls `take` with the name of each member and where its value begins; it answers where the value ends, or undefined
 * to stop. Returns where the object ends, or undefined when it was stopped.
 */
function eachMember(
  bytes: Uint8Array,
  at: number,
  take: (name: JsonSpan, begin: number) => number | undefined,
): number | undefined {
  if (bytes[at] !== OPEN_BRACE) throw corrupt('an object is missing')
  let here = skipSpace(bytes, at + 1)
  if (bytes[here] === CLOSE_BRACE) return here + 1
  for (;;) {
    if (bytes[here] !== QUOTE) throw corrupt('a member has no name')
    const name = { begin: here, end: textEnd(bytes, here) }
    here = skipSpace(bytes, name.end)
    if (bytes[here] !== COLON) throw corrupt('a member has no value')
    const end = take(name, skipSpace(bytes, here + 1))
    if (end === undefined) return undefined
    here = skipSpace(bytes, end)
    if (bytes[here] === CLOSE_BRACE) return here + 1
    if (bytes[here] !== COMMA) throw corrupt('a comma is missing')
    here = skipSpace(bytes, here + 1)
  }
}

/** Notes where the items of the list at `at` begin and end, in turns; returns where the list ends. */
function takeItems(bytes: Uint8Array, at: number, spans: number[]): number {
  let here = skipSpace(bytes, at + 1)
  if (bytes[here] === CLOSE_BRACKET) return here + 1
  for (;;) {
    const end = valueEnd(bytes, here)
    spans.push(here, end)
    here = skipSpace(bytes, end)
    if (bytes[here] === CLOSE_BRACKET) return here + 1
    if (bytes[here] !== COMMA) throw corrupt('a comma is missing')
    here = skipSpace(bytes, here + 1)
  }
}

function skipSpace(bytes: Uint8Array, at: number): number {
  let here = at
  for (;;) {
    const byte = bytes[here]
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return here
    here++
  }
}

/** Where the value at `at` ends. */
function valueEnd(bytes: Uint8Array, at: number): number {
  const first = bytes[at]
  if (first === QUOTE) return textEnd(bytes, at)
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return nestedEnd(bytes, at)
  let here = at
  // A number or a word: up to what cannot be in one.
  for (let byte = bytes[here]; byte !== undefined && isInWord(byte); byte = bytes[here]) here++
  if (here === at) throw corrupt('a value is missing')
  return here
}

function isInWord(byte: number): boolean {
  return byte !== COMMA && byte !== CLOSE_BRACKET && byte !== CLOSE_BRACE && byte > 0x20
}

function textEnd(bytes: Uint8Array, at: number): number {
  const size = bytes.length
  let here = at + 1
  while (here < size) {
    const byte = bytes[here++]
    if (byte === QUOTE) return here
    if (byte === BACKSLASH) here++
  }
  throw corrupt('the text is cut short')
}

function nestedEnd(bytes: Uint8Array, at: number): number {
  const size = bytes.length
  let depth = 0
  let here = at
  while (here < size) {
    const byte = bytes[here++]
    if (byte === QUOTE) here = textEnd(bytes, here - 1)
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++
    else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --depth === 0) return here
  }
  throw corrupt('the text is cut short')
}
