/** Comparisons of bound scalars: what may be compared, and as which type. */
import type { Type } from '../../schema/types.js'
import type { ComparisonOp } from '../expression.js'
import { BOOLEAN, type BoundScalar } from './bound.js'
import { castToCommon, typeError } from './cast-scalar.js'

/** `left op right`. @throws invalid-argument for types that do not compare */
export function compareScalars(
  op: ComparisonOp | 'same',
  sides: readonly [BoundScalar, BoundScalar],
  text: string,
): BoundScalar {
  const [left, right] = comparableSides(sides, text)
  if (op === 'same') return { kind: 'same', left, right, type: BOOLEAN, required: true }
  return { kind: 'compare', op, left, right, type: BOOLEAN, required: left.required && right.required }
}

function comparableSides(
  sides: readonly [BoundScalar, BoundScalar],
  text: string,
): readonly [BoundScalar, BoundScalar] {
  const [left, right] = sides
  // Decimals of different scales compare exactly as they are.
  if (left.type.kind === 'decimal' && right.type.kind === 'decimal') return sides
  const [castLeft = left, castRight = right] = castToCommon(sides, text)
  checkComparable(castLeft.type, text)
  return [castLeft, castRight]
}

const WITHOUT_ORDER: ReadonlySet<Type['kind']> = new Set<Type['kind']>([
  'struct',
  'list',
  'map',
  'variant',
  'geometry',
  'geography',
])

/** @throws invalid-argument when values of the type do not compare */
export function checkComparable(type: Type, text: string): void {
  if (WITHOUT_ORDER.has(type.kind)) throw typeError('the type has no comparisons', text, [type])
}
