/** Bound scalars cast to the types that what is around them takes. */
import { LakeError } from '../../base/errors.js'
import { printType } from '../../schema/type-text.js'
import { isPrimitive, type Type } from '../../schema/types.js'
import type { BoundScalar } from './bound.js'
import { canAssign, canCast, castValue } from './cast-value.js'
import { commonType, sameShape } from './types.js'

/** The error of types that do not go together. */
export function typeError(message: string, expression: string, types: readonly Type[]): LakeError {
  return new LakeError('invalid-argument', message, { context: { expression, types: types.map(printType) } })
}

/**
 * The scalar as one of another type. A literal is cast at once where it can be.
 * @throws invalid-argument when there is no such cast
 */
export function castScalar(bound: BoundScalar, type: Type, text: string): BoundScalar {
  if (sameShape(bound.type, type)) return bound
  const castable = canCast(bound.type, type) || canAssign(bound.type, type)
  if (!castable) throw typeError('the type cannot be cast to the other', text, [bound.type, type])
  if (bound.kind === 'literal' && isPrimitive(type)) {
    const value = bound.value === null ? null : castValue(bound.value, bound.type, type)
    if (value !== undefined) return { kind: 'literal', type, value, required: value !== null }
  }
  return { kind: 'cast', operand: bound, type, required: bound.required, text }
}

/**
 * Scalars cast to the one type that they have in common.
 * @throws invalid-argument when they have none
 */
export function castToCommon(args: readonly BoundScalar[], text: string): BoundScalar[] {
  let type: Type = { kind: 'unknown' }
  for (const arg of args) {
    const common = commonType(type, arg.type)
    if (common === undefined) throw typeError('the types do not go together', text, [type, arg.type])
    type = common
  }
  return args.map(arg => castScalar(arg, type, text))
}
