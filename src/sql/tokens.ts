/**
 * The words of serac's SQL: one lexer for predicates, column definitions, partition and sort terms, and for
 * whole statements when they come.
 *
 * Reserved words are never names; all other keywords (`date`, `desc`, `array` ...) are names wherever a name
 * may stand. A name is written plain, in double quotes or in backticks, text in single quotes; inside quotes
 * the quote is doubled. Letter case matters in names, not in keywords.
 */
import { createToken, Lexer, type TokenType } from 'chevrotain'

export const Name: TokenType = createToken({ name: 'Name', pattern: Lexer.NA, label: 'a name' })
/** Words that make a typed literal of the text behind them: `date '2026-01-01'`. */
export const LiteralType: TokenType = createToken({ name: 'LiteralType', pattern: Lexer.NA, label: 'a type' })
export const Comparison: TokenType = createToken({
  name: 'Comparison',
  pattern: Lexer.NA,
  label: 'a comparison',
})

const WhiteSpace = createToken({
  name: 'WhiteSpace',
  pattern: /\s+/,
  group: Lexer.SKIPPED,
  line_breaks: true,
})
const LineComment = createToken({ name: 'LineComment', pattern: /--[^\r\n]*/, group: Lexer.SKIPPED })
const BlockComment = createToken({
  name: 'BlockComment',
  pattern: /\/\*[^*]*\*+(?:[^/*][^*]*\*+)*\//,
  group: Lexer.SKIPPED,
  line_breaks: true,
})

// Quoted forms end at a quote that no other follows: the last of an odd number of quotes in a row.

const PlainName = createToken({
  name: 'PlainName',
  pattern: /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/,
  categories: Name,
})
const DoubleQuotedName = createToken({
  name: 'DoubleQuotedName',
  pattern: /"(?:[^"]|"")(?:[^"]*"")*[^"]*"(?!")/,
  categories: Name,
  line_breaks: true,
})
const BacktickName = createToken({
  name: 'BacktickName',
  pattern: /`(?:[^`]|``)(?:[^`]*``)*[^`]*`(?!`)/,
  categories: Name,
  line_breaks: true,
})
export const Text: TokenType = createToken({
  name: 'Text',
  pattern: /'(?:[^']*'')*[^']*'(?!')/,
  line_breaks: true,
  label: 'text in single quotes',
})
export const HexText: TokenType = createToken({
  name: 'HexText',
  pattern: /[xX]'[^']*'/,
  line_breaks: true,
  label: "x'..'",
})
export const NumberText: TokenType = createToken({
  name: 'NumberText',
  pattern: /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/,
  label: 'a number',
})

function keyword(word: string, categories: TokenType[]): TokenType {
  return createToken({
    name: `Keyword_${word}`,
    pattern: new RegExp(`${word}(?![A-Za-z0-9_$\\u0080-\\uffff])`, 'i'),
    categories,
    label: word,
  })
}

function reserved(word: string): TokenType {
  return keyword(word, [])
}

function soft(word: string, ...categories: TokenType[]): TokenType {
  return keyword(word, [Name, ...categories])
}

export const And: TokenType = reserved('and')
export const Or: TokenType = reserved('or')
export const Not: TokenType = reserved('not')
export const In: TokenType = reserved('in')
export const Is: TokenType = reserved('is')
export const Between: TokenType = reserved('between')
export const Like: TokenType = reserved('like')
export const Null: TokenType = reserved('null')
export const True: TokenType = reserved('true')
export const False: TokenType = reserved('false')

export const Nan: TokenType = soft('nan')
export const DateWord: TokenType = soft('date', LiteralType)
export const TimeWord: TokenType = soft('time', LiteralType)
export const TimestampWord: TokenType = soft('timestamp', LiteralType)
export const TimestamptzWord: TokenType = soft('timestamptz', LiteralType)
export const Struct: TokenType = soft('struct')
export const ArrayWord: TokenType = soft('array')
export const MapWord: TokenType = soft('map')
export const Comment: TokenType = soft('comment')
export const Asc: TokenType = soft('asc')
export const Desc: TokenType = soft('desc')
export const Nulls: TokenType = soft('nulls')
export const First: TokenType = soft('first')
export const Last: TokenType = soft('last')

function symbol(name: string, pattern: string | RegExp, ...categories: TokenType[]): TokenType {
  return createToken({
    name,
    pattern,
    categories,
    label: typeof pattern === 'string' ? `"${pattern}"` : name,
  })
}

const LessOrEqual = symbol('LessOrEqual', '<=', Comparison)
const GreaterOrEqual = symbol('GreaterOrEqual', '>=', Comparison)
const NotEqual = symbol('NotEqual', /<>|!=/, Comparison)
const Equal = symbol('Equal', /==?/, Comparison)
export const Less: TokenType = symbol('Less', '<', Comparison)
export const Greater: TokenType = symbol('Greater', '>', Comparison)
export const LeftParen: TokenType = symbol('LeftParen', '(')
export const RightParen: TokenType = symbol('RightParen', ')')
export const LeftBracket: TokenType = symbol('LeftBracket', '[')
export const RightBracket: TokenType = symbol('RightBracket', ']')
export const Comma: TokenType = symbol('Comma', ',')
export const Dot: TokenType = symbol('Dot', '.')
export const Colon: TokenType = symbol('Colon', ':')
export const Plus: TokenType = symbol('Plus', '+')
export const Minus: TokenType = symbol('Minus', '-')
/** Stands for a value handed in beside the text. */
export const Parameter: TokenType = symbol('Parameter', '?')

/** All tokens; at one place the first that matches wins. */
export const TOKENS: TokenType[] = [
  ...[WhiteSpace, LineComment, BlockComment],
  ...[HexText, Text, DoubleQuotedName, BacktickName, NumberText],
  ...[And, Or, Not, In, Is, Between, Like, Null, True, False],
  ...[Nan, DateWord, TimeWord, TimestampWord, TimestamptzWord, Struct, ArrayWord, MapWord, Comment],
  ...[Asc, Desc, Nulls, First, Last],
  PlainName,
  ...[LessOrEqual, GreaterOrEqual, NotEqual, Equal, Less, Greater],
  ...[LeftParen, RightParen, LeftBracket, RightBracket, Comma, Dot, Colon, Plus, Minus, Parameter],
  ...[Name, LiteralType, Comparison],
]
