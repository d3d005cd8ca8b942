/**
 * 64-bit columns as 32-bit words: a bigint per row costs several times a number, so hot loops read and write
 * `words[2 * row]` (low) and `words[2 * row + 1]` (high) of the same memory. All platforms that run Node are
 * little-endian.
 */
export function int32Words(values: BigInt64Array | Float64Array | Float32Array | Int32Array): Int32Array {
  if (values instanceof Int32Array) return values
  return new Int32Array(values.buffer, values.byteOffset, values.byteLength >> 2)
}
