/** Byte strings: text forms, order, joining. */

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

export function utf8Encode(text: string): Uint8Array {
  return encoder.encode(text)
}

/** @throws TypeError when the bytes are not UTF-8 */
export function utf8Decode(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}

export function hexEncode(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('hex')
}

/** The bytes of an even number of hexadecimal digits, or undefined when the text is something else. */
export function hexDecode(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return undefined
  return Uint8Array.from(Buffer.from(text, 'hex'))
}

export function base64Encode(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('base64')
}

export function base64Decode(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'base64'))
}

/** A Buffer over the same memory. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Unsigned lexicographic order, the order of Iceberg for string, uuid, fixed and binary. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b)
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const joined = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

/** A little- or big-endian view of the bytes. */
export function dataView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/**
 * Memory of its own that holds whatever was there before: for buffers of which every byte is written before one is
 * read. Zeroing large ones costs as much as filling them.
 */
export function unzeroedBytes(length: number): Uint8Array<ArrayBuffer> {
  const { buffer } = Buffer.allocUnsafeSlow(length)
  return new Uint8Array(buffer as ArrayBuffer)
}
