/** Uuids: 16 bytes inside, `f79c3e09-677c-4bbd-a479-3f349cb785e7` as text. */
import { hexDecode, hexEncode } from '../base/bytes.js'

const UUID = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/

/** The 16 bytes of a uuid, or undefined when the text is none. */
export function parseUuid(text: string): Uint8Array | undefined {
  return UUID.test(text) ? hexDecode(text.replaceAll('-', '')) : undefined
}

/** Lower case, with dashes. */
export function formatUuid(bytes: Uint8Array): string {
  const hex = hexEncode(bytes)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
