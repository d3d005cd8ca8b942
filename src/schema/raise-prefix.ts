/**
 * The upper end of everything that begins with a prefix: the prefix with its last unit raised, units that cannot be
 * raised dropped.
 *
 *   "ab"  ->  "ac"      61 62 ff  ->  61 63      ff ff  ->  nothing
 *
 * Text is raised by code points, so that it stays text; surrogates are passed over, since UTF-8 has none.
 */

const LAST_CODE_POINT = 0x10ffff
const FIRST_SURROGATE = 0xd800
const LAST_SURROGATE = 0xdfff

/** A text that sorts behind all that begin with the prefix and is no longer in code points; undefined: there is none. */
export function raisedText(prefix: string): string | undefined {
  const points = Array.from(prefix)
  while (points.length > 0) {
    const next = (points.pop()?.codePointAt(0) ?? LAST_CODE_POINT) + 1
    if (next > LAST_CODE_POINT) continue
    const raised = next >= FIRST_SURROGATE && next <= LAST_SURROGATE ? LAST_SURROGATE + 1 : next
    return points.join('') + String.fromCodePoint(raised)
  }
  return undefined
}

/** Bytes that sort behind all that begin with the prefix and are no longer; undefined when there are none. */
export function raisedBytes(prefix: Uint8Array): Uint8Array | undefined {
  for (let last = prefix.length - 1; last >= 0; last--) {
    const byte = prefix[last] as number
    if (byte === 0xff) continue
    const raised = prefix.slice(0, last + 1)
    raised[last] = byte + 1
    return raised
  }
  return undefined
}
