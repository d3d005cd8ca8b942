/**
 * The words of serac's SQL: one lexer for predicates, column definitions, partition and sort terms, and for
 * whole statements when they come.
 *
 * Reserved words are never names; all other keywords (`date`, `desc`, `array` ...) are names wherever a name
 * may stand, so they are no tokens of their own: the grammar asks a name for its word. A name is written plain,
 * in double quotes or in backticks, text in single quotes; inside quotes the quote is doubled. Letter case
 * matters in names, not in keywords.
 */
import type { LakeError } from '../base/errors.js'
import { syntaxError } from './syntax.js'

export type TokenKind = 'name' | 'reserved' | 'text' | 'hex' | 'number' | 'comparison' | 'symbol' | 'end'

export interface Token {
  readonly kind: TokenKind
  /** As it is written; empty at the end of the text. */
  readonly image: string
  /** What the grammar knows it by: the keyword in lower case, or the symbol. Quoted names have none. */
  readonly word: string | undefined
  /** An offset into the text. */
  readonly at: number
}

const RESERVED: ReadonlySet<string> = new Set([
  ...['and', 'or', 'not', 'in', 'is', 'between', 'like'],
  ...['null', 'true', 'false'],
])

/**
 * One token, or what stands between two, at the place where the last one ended; the groups are in the order of
 * `KINDS`. Quoted forms end at a quote that no other follows: the last of an odd number of quotes in a row.
 */
const TOKEN: RegExp = new RegExp(
  [
    /\s+|--[^\r\n]*|\/\*[^*]*\*+(?:[^/*][^*]*\*+)*\//,
    /([xX]'[^']*')/,
    /('(?:[^']*'')*[^']*'(?!'))/,
    /("(?:[^"]|"")(?:[^"]*"")*[^"]*"(?!")|`(?:[^`]|``)(?:[^`]*``)*[^`]*`(?!`))/,
    /((?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)/,
    /([A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*)/,
    /(<=>|<=|>=|<>|!=|==?|<|>)/,
    /(\|\||\/(?!\*)|[()[\],.:+\-*%?;])/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'y',
)
const KINDS = ['hex', 'text', 'name', 'number', 'word', 'comparison', 'symbol'] as const

/** Words that keywords are made of: nothing that only looks like them in lower case. */
const LETTERS = /^[A-Za-z]+$/

/**
 * The tokens of the text in order, the last of kind `end`.
 * @throws invalid-argument with `position` and `near` for a character that begins no token
 */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  for (let at = 0; at < text.length; ) {
    TOKEN.lastIndex = at
    const match = TOKEN.exec(text)
    if (match === null) throw lexicalError(text, at)
    const [image, ...groups] = match
    const kind = KINDS[groups.findIndex(group => group !== undefined)]
    if (kind !== undefined) tokens.push(tokenOf(kind, image, at))
    at += image.length
  }
  tokens.push({ kind: 'end', image: '', word: undefined, at: text.length })
  return tokens
}

function tokenOf(kind: (typeof KINDS)[number], image: string, at: number): Token {
  if (kind !== 'word') {
    const word = kind === 'symbol' || kind === 'comparison' ? image : undefined
    return { kind, image, word, at }
  }
  const word = LETTERS.test(image) ? image.toLowerCase() : undefined
  return { kind: word !== undefined && RESERVED.has(word) ? 'reserved' : 'name', image, word, at }
}

function lexicalError(text: string, at: number): LakeError {
  const quoted = /['"`]/.test(text.charAt(at))
  return syntaxError(text, at, {
    message: quoted ? 'the quoted text has no end or nothing in it' : 'the character is no part of SQL',
  })
}
