/** The width of decimals in Avro and Parquet fixed-length form. */

/** The fewest bytes whose two's complement holds every unscaled value of the precision (1 to 38 digits). */
export function minimalDecimalBytes(precision: number): number {
  const largest = 10n ** BigInt(precision) - 1n
  let sizeBytes = 1
  while (2n ** BigInt(8 * sizeBytes - 1) - 1n < largest) sizeBytes++
  return sizeBytes
}
