/** From text to a tree: the tokens, the grammar's starting points, and a limit on nesting. */
import { readColumns, readPredicate, readSortTerms, readTerms } from './grammar.js'
import { type ColumnSyntax, type SortTermSyntax, type Syntax, syntaxError } from './syntax.js'
import { TokenReader } from './token-reader.js'
import type { Token } from './tokens.js'

/** What a text may be as a whole. */
export interface Readings {
  readonly predicate: Syntax
  readonly columns: readonly ColumnSyntax[]
  readonly terms: readonly Syntax[]
  readonly sortTerms: readonly SortTermSyntax[]
}

const READERS: { readonly [R in keyof Readings]: (reader: TokenReader) => Readings[R] } = {
  predicate: readPredicate,
  columns: readColumns,
  terms: readTerms,
  sortTerms: readSortTerms,
}

/** Brackets inside brackets; the parser recurses, and the stack has an end. */
const NESTING_MAX = 100

/**
 * The tree of a text, read as one of the grammar's starting points.
 * @throws invalid-argument with `position`, `near` and, where it is known, what was `expected`
 */
export function parseSyntax<R extends keyof Readings>(text: string, reading: R): Readings[R] {
  return readWhole(text, READERS[reading])
}

/** What a rule reads, which must be the whole text. @throws as `parseSyntax` */
export function readWhole<T>(text: string, rule: (reader: TokenReader) => T): T {
  const reader = new TokenReader(text)
  checkNesting(text, reader.tokens)
  const tree = rule(reader)
  reader.takeKind('end')
  return tree
}

/** Types whose arguments stand in `<` and `>`. */
const TYPE_WORDS: ReadonlySet<string | undefined> = new Set(['array', 'map', 'struct'])

function checkNesting(text: string, tokens: readonly Token[]): void {
  let parentheses = 0
  let angles = 0
  let previous: string | undefined
  for (const { word, at } of tokens) {
    if (word === '(') parentheses++
    else if (word === ')') parentheses--
    else if (word === '<' && TYPE_WORDS.has(previous)) angles++
    else if (word === '>' && angles > 0) angles--
    if (parentheses > NESTING_MAX || angles > NESTING_MAX) {
      throw syntaxError(text, at, { message: 'the text is nested too deeply' })
    }
    previous = word
  }
}
