/**
 * `like`: `%` stands for any text, `_` for one character, and a backslash makes the next one plain. A pattern is
 * cut at its `%` into pieces, which are looked for one after the other: linear in the text for each piece, however
 * the pattern is built.
 */
import { LakeError } from '../../base/errors.js'
import type { Selection, Vector } from '../../batch/column-batch.js'
import { valueAt } from '../../batch/values.js'

/** A character of a pattern; undefined is `_`. */
type Unit = string | undefined
type Piece = readonly Unit[]

const STRING = { kind: 'string' } as const

/** The rows, in which the text is not null, that a pattern matches. @throws invalid-argument for a backslash that makes nothing plain */
export function likeRows(vector: Vector, pattern: string, rows: Selection): Selection {
  const pieces = piecesOf(pattern)
  return rows.filter(row => matches(Array.from(String(valueAt(vector, STRING, row))), pieces))
}

/**
 * The text that a pattern matches alone, or begins with when `open`; undefined when it is no such pattern.
 * @throws invalid-argument as `likeRows`
 */
export function prefixOfPattern(
  pattern: string,
): { readonly text: string; readonly open: boolean } | undefined {
  const [first = [], ...others] = piecesOf(pattern)
  const open = others.length === 1 && others[0]?.length === 0
  if ((others.length > 0 && !open) || first.includes(undefined)) return undefined
  return { text: first.join(''), open }
}

function piecesOf(pattern: string): readonly Piece[] {
  const pieces: Unit[][] = [[]]
  const units = Array.from(pattern)
  for (let at = 0; at < units.length; at++) {
    const unit = units[at]
    if (unit === '%') pieces.push([])
    else if (unit === '_') pieces.at(-1)?.push(undefined)
    else if (unit !== '\\') pieces.at(-1)?.push(unit)
    else {
      const plain = units[++at]
      if (plain !== '%' && plain !== '_' && plain !== '\\') {
        throw new LakeError(
          'invalid-argument',
          'a backslash of a like pattern stands before %, _ or a backslash',
          {
            context: { pattern },
          },
        )
      }
      pieces.at(-1)?.push(plain)
    }
  }
  return pieces
}

function matches(text: readonly string[], pieces: readonly Piece[]): boolean {
  const first = pieces[0] as Piece
  if (!standsAt(text, first, 0)) return false
  if (pieces.length === 1) return text.length === first.length
  const last = pieces[pieces.length - 1] as Piece
  let from = first.length
  for (const piece of pieces.slice(1, -1)) {
    while (from + piece.length <= text.length && !standsAt(text, piece, from)) from++
    if (from + piece.length > text.length) return false
    from += piece.length
  }
  return text.length - last.length >= from && standsAt(text, last, text.length - last.length)
}

function standsAt(text: readonly string[], piece: Piece, at: number): boolean {
  if (at + piece.length > text.length) return false
  for (let index = 0; index < piece.length; index++) {
    if (piece[index] !== undefined && piece[index] !== text[at + index]) return false
  }
  return true
}
