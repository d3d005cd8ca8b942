/** Tokens of a text, read one after the other: what the rules of the grammar are written with. */
import type { LakeError } from '../base/errors.js'
import { syntaxError } from './syntax.js'
import { type Token, tokenize } from './tokens.js'

/** How error messages call what was expected. */
const LABELS = {
  name: 'a name',
  text: 'text in single quotes',
  number: 'a number',
  end: 'the end of the text',
} as const

/** Rules inside themselves; the parser recurses, and the stack has an end. */
const DEPTH_MAX = 100

/** Stands at a token; moves on when one is taken. */
export class TokenReader {
  /** All of the text's; the last is of kind `end`. */
  readonly tokens: readonly Token[]
  private readonly text: string
  private index = 0
  private depth = 0

  /** @throws invalid-argument for a text that is no tokens */
  constructor(text: string) {
    this.text = text
    this.tokens = tokenize(text)
  }

  /** The token that comes next, or one after it. Behind the last token there is `end`, any number of times. */
  peek(ahead = 0): Token {
    const last = this.tokens.length - 1
    return this.tokens[Math.min(this.index + ahead, last)] as Token
  }

  /** Takes the next token if it is the keyword or the symbol. */
  tryWord(word: string): Token | undefined {
    const token = this.peek()
    return token.word === word ? this.take() : undefined
  }

  /** @throws invalid-argument when the next token is another */
  takeWord(word: string): Token {
    const taken = this.tryWord(word)
    if (taken === undefined) throw this.expected(/[a-z]/.test(word) ? word : `"${word}"`)
    return taken
  }

  /** @throws invalid-argument when the next token is of another kind */
  takeKind(kind: keyof typeof LABELS): Token {
    if (this.peek().kind !== kind) throw this.expected(LABELS[kind])
    return this.take()
  }

  take(): Token {
    const token = this.peek()
    this.index++
    return token
  }

  /** Counts a rule inside itself that no bracket shows. @throws invalid-argument when there are too many */
  enter(): void {
    this.depth++
    if (this.depth > DEPTH_MAX) {
      throw syntaxError(this.text, this.peek().at, { message: 'the text is nested too deeply' })
    }
  }

  leave(): void {
    this.depth--
  }

  /** The error of a next token that cannot stand here; `what` could. */
  expected(what: string): LakeError {
    return syntaxError(this.text, this.peek().at, { message: 'the text does not parse', expected: what })
  }
}
