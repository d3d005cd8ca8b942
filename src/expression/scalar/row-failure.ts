/** Errors of one row: what is wrong with it, which row it is, and the text of the expression. */

import type { ErrorContext } from '../../base/errors.js'
import { LakeError } from '../../base/errors.js'

/** Ends the evaluation at a row of the batch. */
export type RowFailure = (row: number, reason: FailureReason, context?: ErrorContext) => never

const MESSAGES = {
  overflow: 'the result of an expression is out of the range of its type',
  'zero-divisor': 'a division by zero',
  cast: 'a value cannot be cast',
} as const

export type FailureReason = keyof typeof MESSAGES

/** Failures of an expression: invalid-argument with `row`, counted from 0 in the batch, and `expression`. */
export function rowFailure(expression: string): RowFailure {
  return (row, reason, context = {}) => {
    throw new LakeError('invalid-argument', MESSAGES[reason], { context: { row, expression, ...context } })
  }
}
