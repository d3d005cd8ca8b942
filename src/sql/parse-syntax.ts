/**
 * From text to a tree: lexing, the grammar, and errors that point into the text. The lexer and the parser are
 * made at the first use and kept: they hold no state between texts.
 */
import { EOF, type IToken, Lexer, type TokenType } from 'chevrotain'
import type { LakeError } from '../base/errors.js'
import { SqlParser } from './grammar.js'
import { type ColumnSyntax, type SortTermSyntax, type Syntax, syntaxError } from './syntax.js'
import * as token from './tokens.js'

/** What a text may be as a whole. */
export interface Readings {
  readonly predicate: Syntax
  readonly columns: readonly ColumnSyntax[]
  readonly terms: readonly Syntax[]
  readonly sortTerms: readonly SortTermSyntax[]
}

/** Brackets inside brackets; the parser recurses, and the stack has an end. */
const NESTING_MAX = 100

/**
 * The tree of a text, read as one of the grammar's starting points.
 * @throws invalid-argument with `position`, `near` and, where it is known, what was `expected`
 */
export function parseSyntax<R extends keyof Readings>(text: string, reading: R): Readings[R] {
  machine ??= { lexer: createLexer(), parser: new SqlParser() }
  const { lexer, parser } = machine
  const lexed = lexer.tokenize(text)
  const [lexError] = lexed.errors
  if (lexError) throw lexicalError(text, lexError.offset)
  checkNesting(text, lexed.tokens)
  parser.input = lexed.tokens
  const read: { [K in keyof Readings]: () => Readings[K] } = parser
  const tree = read[reading]()
  const [error] = parser.errors
  if (error) {
    const offset = error.token.tokenType === EOF ? text.length : error.token.startOffset
    throw syntaxError(text, offset, { message: 'the text does not parse', expected: error.message })
  }
  return tree
}

let machine: { readonly lexer: Lexer; readonly parser: SqlParser } | undefined

function createLexer(): Lexer {
  return new Lexer(token.TOKENS, { positionTracking: 'onlyOffset', ensureOptimizations: true })
}

function lexicalError(text: string, at: number): LakeError {
  const quoted = /['"`]/.test(text.charAt(at))
  return syntaxError(text, at, {
    message: quoted ? 'the quoted text has no end or nothing in it' : 'the character is no part of SQL',
  })
}

/** Types whose arguments stand in `<` and `>`. */
const TYPE_WORDS: ReadonlySet<TokenType> = new Set([token.ArrayWord, token.MapWord, token.Struct])

function checkNesting(text: string, tokens: readonly IToken[]): void {
  let parentheses = 0
  let angles = 0
  let previous: TokenType | undefined
  for (const { tokenType, startOffset } of tokens) {
    if (tokenType === token.LeftParen) parentheses++
    else if (tokenType === token.RightParen) parentheses--
    else if (tokenType === token.Less && previous !== undefined && TYPE_WORDS.has(previous)) angles++
    else if (tokenType === token.Greater && angles > 0) angles--
    if (parentheses > NESTING_MAX || angles > NESTING_MAX) {
      throw syntaxError(text, startOffset, { message: 'the text is nested too deeply' })
    }
    previous = tokenType
  }
}
