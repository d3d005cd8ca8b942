/**
 * The clauses of a merge from text.
 *
 *   clause  := WHEN MATCHED [AND condition] THEN (UPDATE SET ('*' | assignments) | DELETE)
 *            | WHEN NOT MATCHED [BY TARGET] [AND condition] THEN INSERT ('*' | (columns) VALUES (values))
 *            | WHEN NOT MATCHED BY SOURCE [AND condition] THEN (UPDATE SET assignments | DELETE)
 */
import { present } from '../base/assert.js'
import { LakeError } from '../base/errors.js'
import type {
  Assignment,
  DeleteAction,
  InsertAction,
  MergeClause,
  UpdateAction,
} from '../expression/merge-clause.js'
import { dottedName, expression, readAssignments, separated } from './grammar.js'
import { readWhole } from './parse-syntax.js'
import { assignmentOf, scalarOfSyntax, sqlTextOf } from './scalar.js'
import { syntaxError } from './syntax.js'
import { isSqlText, type SqlText } from './template.js'
import type { TokenReader } from './token-reader.js'

/** Clauses as text, one or more, as a `sql` template, or as data. */
export type MergeClauseInput = string | SqlText | MergeClause

/**
 * The clauses that are given, in their order.
 * @throws invalid-argument with `position` and `near` for a text that does not parse; for no clause at all, and for one
 * that never acts because one without a condition stands before it
 */
export function parseMergeClauses(given: MergeClauseInput | readonly MergeClauseInput[]): MergeClause[] {
  const list = isList(given) ? given : [given]
  const clauses = list.flatMap(each => {
    if (typeof each !== 'string' && !isSqlText(each)) return [each]
    const source = sqlTextOf(each)
    return readWhole(source.text, reader => readClauses(reader, source))
  })
  if (clauses.length === 0) throw new LakeError('invalid-argument', 'a merge needs a clause')
  checkReached(clauses)
  return clauses
}

function isList(given: MergeClauseInput | readonly MergeClauseInput[]): given is readonly MergeClauseInput[] {
  return Array.isArray(given)
}

function checkReached(clauses: readonly MergeClause[]): void {
  const closed = new Set<MergeClause['when']>()
  for (const { when, condition } of clauses) {
    if (closed.has(when)) {
      throw new LakeError('invalid-argument', 'a clause stands behind one of its kind without a condition', {
        context: { when },
      })
    }
    if (condition === undefined) closed.add(when)
  }
}

function readClauses(reader: TokenReader, source: SqlText): MergeClause[] {
  const clauses = [readClause(reader, source)]
  while (reader.peek().word === 'when') clauses.push(readClause(reader, source))
  return clauses
}

function readClause(reader: TokenReader, source: SqlText): MergeClause {
  reader.takeWord('when')
  const when = readWhen(reader)
  const condition = reader.tryWord('and') ? scalarOfSyntax(expression(reader), source) : undefined
  reader.takeWord('then')
  switch (when) {
    case 'not-matched':
      return { when, condition, action: readInsert(reader, source) }
    case 'matched':
      return { when, condition, action: readChange(reader, source, 'with-all') }
    default:
      return { when, condition, action: readChange(reader, source, 'without-all') }
  }
}

function readWhen(reader: TokenReader): MergeClause['when'] {
  const negated = reader.tryWord('not') !== undefined
  reader.takeWord('matched')
  if (!negated) return 'matched'
  if (!reader.tryWord('by')) return 'not-matched'
  if (reader.tryWord('target')) return 'not-matched'
  if (reader.tryWord('source')) return 'not-matched-by-source'
  throw reader.expected('target, source')
}

function readChange(
  reader: TokenReader,
  source: SqlText,
  star: 'with-all' | 'without-all',
): UpdateAction | DeleteAction {
  if (reader.tryWord('delete')) return { kind: 'delete' }
  if (!reader.tryWord('update')) throw reader.expected('update, delete')
  reader.takeWord('set')
  if (star === 'with-all' && reader.tryWord('*')) return { kind: 'update', set: 'all' }
  return { kind: 'update', set: readAssignments(reader).map(each => assignmentOf(each, source)) }
}

function readInsert(reader: TokenReader, source: SqlText): InsertAction {
  reader.takeWord('insert')
  if (reader.tryWord('*')) return { kind: 'insert', values: 'all' }
  const columns = inParentheses(reader, dottedName)
  const { at } = reader.takeWord('values')
  const values = inParentheses(reader, expression).map(each => scalarOfSyntax(each, source))
  if (values.length !== columns.length) {
    throw syntaxError(source.text, at, { message: 'there is not one value for each column' })
  }
  return {
    kind: 'insert',
    values: columns.map(({ parts }, index): Assignment => {
      const value = present(values[index], 'each column has a value')
      return { column: parts.join('.'), value }
    }),
  }
}

function inParentheses<T>(reader: TokenReader, rule: (reader: TokenReader) => T): T[] {
  reader.takeWord('(')
  const items = separated(reader, rule)
  reader.takeWord(')')
  return items
}
