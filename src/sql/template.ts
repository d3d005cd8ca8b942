/**
 * Predicates as a tagged template: sql`region = ${'eu'} and ts < ${t}`.
 *
 * The text is kept with a `?` for each value and the values beside it: a value never becomes text, so it can
 * hold quotes or anything else. Nothing is parsed here, which keeps the parser out of programs that only
 * mention a predicate; `parsePredicate` does it where the predicate is used.
 */
import { LakeError } from '../base/errors.js'
import { type Expression, type LiteralInput, literalOf } from '../expression/expression.js'

/** A value of a template: a literal, a list of them for `in`, or a whole predicate. */
export type SqlValue = LiteralInput | readonly LiteralInput[] | Expression | SqlText

/** A predicate as text, with values that are not part of the text. */
export interface SqlText {
  /** A `?` stands for each value. */
  readonly text: string
  /** Values by the offset of their `?`. */
  readonly values: ReadonlyMap<number, SqlValue>
}

/**
 * The predicate of a template literal.
 * @throws invalid-argument when a value is null, undefined, or nothing that a predicate can hold
 */
export function sql(parts: TemplateStringsArray, ...values: readonly SqlValue[]): SqlText {
  const byOffset = new Map<number, SqlValue>()
  let text = parts[0] ?? ''
  values.forEach((value, index) => {
    checkValue(value, index)
    byOffset.set(text.length, value)
    text += `?${parts[index + 1] ?? ''}`
  })
  return { text, values: byOffset }
}

function checkValue(value: SqlValue | null | undefined, index: number): void {
  if (value === null || value === undefined) {
    throw new LakeError('invalid-argument', 'a comparison with null is never true; write is null', {
      context: { valueIndex: index },
    })
  }
  if (isValueList(value)) for (const item of value) checkValue(item, index)
  else if (!isSqlText(value) && !isExpression(value)) literalOf(value)
}

export function isValueList(value: SqlValue): value is readonly LiteralInput[] {
  return Array.isArray(value)
}

export function isSqlText(value: unknown): value is SqlText {
  return typeof value === 'object' && value !== null && 'text' in value && 'values' in value
}

export function isExpression(value: SqlValue): value is Expression {
  return typeof value === 'object' && 'op' in value
}
