/** Entity tags of tables: one for each state and each way of showing it. */
import { createHash } from 'node:crypto'

const TAG_LENGTH = 27

/** `parts` are all that the answer depends on: the metadata file, which snapshots, what is left out. */
export function entityTag(parts: readonly (string | undefined)[]): string {
  const digest = createHash('sha256').update(JSON.stringify(parts), 'utf8').digest('base64url')
  return `"${digest.slice(0, TAG_LENGTH)}"`
}

/** True when an `If-None-Match` header names the tag; weak tags count, as the bytes of an answer do not matter. */
export function matchesTag(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false
  const given = header.split(',').map(each => each.trim().replace(/^W\//, ''))
  // Some clients keep the tag without its quotes.
  return given.some(each => each === '*' || each === tag || `"${each}"` === tag)
}
