/**
 * Pages of lists. A token names the last item of the page before, so pages follow the names and not positions: what
 * is made or dropped between two requests moves nothing out of sight.
 * @see Iceberg REST catalog specification, PageToken
 */
import { asBuffer, base64Decode, utf8Decode, utf8Encode } from '../base/bytes.js'
import { LakeError } from '../base/errors.js'
import { parseJson, stringifyJson } from '../base/json.js'
import { parseLevels } from './identifier-json.js'

export interface PageRequest {
  /** Absent: everything at once. Empty: the first page. */
  readonly pageToken?: string | undefined
  readonly pageSize?: number | undefined
}

export interface Page<T> {
  readonly items: readonly T[]
  readonly nextPageToken?: string | undefined
}

const PAGE_SIZE = 1000

/**
 * One page of the items, which are put in order by their names; all of them where none was asked for.
 * @throws invalid-argument for a token that is not one, or a size below 1
 */
export function pageOf<T>(
  items: readonly T[],
  request: PageRequest,
  nameOf: (item: T) => readonly string[],
): Page<T> {
  const { pageToken, pageSize = PAGE_SIZE } = request
  if (pageToken === undefined) return { items }
  if (!Number.isSafeInteger(pageSize) || pageSize < 1)
    throw new LakeError('invalid-argument', 'a page has at least one item', { context: { pageSize } })
  const named = items.map(item => ({ item, name: nameOf(item) }))
  named.sort((a, b) => compareNames(a.name, b.name))
  const after = pageToken === '' ? undefined : decodePageToken(pageToken)
  const rest = after === undefined ? named : named.filter(({ name }) => compareNames(name, after) > 0)
  const page = rest.slice(0, pageSize)
  const last = page.at(-1)
  return {
    items: page.map(({ item }) => item),
    ...(rest.length > page.length && last !== undefined ? { nextPageToken: encodePageToken(last.name) } : {}),
  }
}

function compareNames(a: readonly string[], b: readonly string[]): number {
  const at = a.findIndex((level, index) => level !== b[index])
  if (at < 0) return a.length - b.length
  const [x, y] = [a[at] ?? '', b[at]]
  return y === undefined || x > y ? 1 : -1
}

function encodePageToken(name: readonly string[]): string {
  return asBuffer(utf8Encode(stringifyJson(name))).toString('base64url')
}

function decodePageToken(token: string): readonly string[] {
  try {
    return parseLevels(parseJson(utf8Decode(base64Decode(token))), 'page token')
  } catch (cause) {
    throw new LakeError('invalid-argument', 'the page token is not one of this server', { cause })
  }
}
