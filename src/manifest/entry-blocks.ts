/** The blocks of a manifest as entries are read from: unpacked bytes. */

export interface EntryBlock {
  readonly bytes: Uint8Array
  /** Entries in it. */
  readonly count: number
  /** Where the entries end, filled in while they are walked (0: not yet): for blocks that are read again. */
  readonly ends?: Int32Array | undefined
}
