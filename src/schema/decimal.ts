/**
 * Decimals: an unscaled integer and a scale. Text is exact in both directions; bytes are the minimal
 * big-endian two's complement that bounds, bucket hashes and Avro use.
 */

const DECIMAL_TEXT = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/
/** Exponents beyond this belong to no decimal(38, s), whatever the digits in front (their count is bounded by it too). */
const DIGITS_MAX = 1000

/**
 * The unscaled value of decimal text, or undefined when the text is no number, has more digits behind the
 * point than `scale` (trailing zeros aside), or does not fit `precision`. Accepts an exponent.
 */
export function parseDecimal(
  text: string,
  type: { readonly precision: number; readonly scale: number },
): bigint | undefined {
  const match = DECIMAL_TEXT.exec(text.trim())
  if (!match) return undefined
  const [, sign, whole = '', fraction = '', exponentText] = match
  const digits = whole + fraction
  if (digits === '') return undefined
  const significant = digits.replace(/^0+/, '')
  if (significant === '') return 0n
  const exponent = exponentText === undefined ? 0 : Number(exponentText)
  if (significant.length > DIGITS_MAX || Math.abs(exponent) > DIGITS_MAX) return undefined
  const unscaled = shiftDigits(significant, type.scale - fraction.length + exponent)
  if (unscaled === undefined || unscaled.length > type.precision) return undefined
  const magnitude = BigInt(unscaled)
  return sign === '-' ? -magnitude : magnitude
}

/** The digits times ten to the power `shift`, or undefined when that is no integer. */
function shiftDigits(digits: string, shift: number): string | undefined {
  if (shift >= 0) return digits + '0'.repeat(shift)
  const cut = digits.length + shift
  if (cut <= 0 || /[1-9]/.test(digits.slice(cut))) return undefined
  return digits.slice(0, cut)
}

/** Plain text with exactly `scale` digits behind the point. */
export function formatDecimal(unscaled: bigint, scale: number): string {
  const negative = unscaled < 0n
  const digits = (negative ? -unscaled : unscaled).toString().padStart(scale + 1, '0')
  const cut = digits.length - scale
  const plain = scale === 0 ? digits : `${digits.slice(0, cut)}.${digits.slice(cut)}`
  return negative ? `-${plain}` : plain
}

/** The fewest big-endian bytes that hold the value in two's complement: one for 0. */
export function unscaledBytes(unscaled: bigint): Uint8Array {
  let length = 1
  while (BigInt.asIntN(8 * length, unscaled) !== unscaled) length++
  const bytes = new Uint8Array(length)
  let rest = unscaled
  for (let at = length - 1; at >= 0; at--) {
    bytes[at] = Number(rest & 0xffn)
    rest >>= 8n
  }
  return bytes
}

/** The value of big-endian two's complement bytes of any length; no bytes are 0. */
export function parseUnscaled(bytes: Uint8Array): bigint {
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  return BigInt.asIntN(8 * bytes.length, value)
}
