/**
 * Listing objects: page after page, keys of any depth, or one level with its folders, whose keys cost nothing. Keys come
 * percent-encoded, as XML cannot hold all of them. Empty objects whose names end in a slash are folders that consoles
 * draw: no files.
 */
import type { FileStat, IoOptions, LevelEntry } from './file-io.js'
import { parseS3Prefix } from './s3-location.js'
import { type S3Store, sendRetried } from './s3-request.js'

/** @throws not-found for a bucket that is not there; denied, unavailable */
export async function* listObjects(
  store: S3Store,
  prefix: string,
  { signal }: IoOptions,
): AsyncIterable<FileStat> {
  for await (const page of listPages(store, { prefix, signal })) yield* filesOf(page)
}

/** Objects without a slash behind the prefix, and folders of the others. @throws as `listObjects` */
export async function* listObjectsAndFolders(
  store: S3Store,
  prefix: string,
  { signal }: IoOptions,
): AsyncIterable<LevelEntry> {
  for await (const page of listPages(store, { prefix, signal, delimiter: '/' })) {
    for (const { Prefix } of page.answer.CommonPrefixes ?? [])
      if (Prefix !== undefined) yield { kind: 'folder', location: locationOf(page, Prefix).slice(0, -1) }
    for (const file of filesOf(page)) yield { kind: 'file', file }
  }
}

interface Listing extends IoOptions {
  readonly prefix: string
  readonly delimiter?: string | undefined
}

interface Page {
  readonly answer: Awaited<ReturnType<typeof listPage>>
  /** What is before the key, as the caller spells it. */
  readonly root: string
}

async function* listPages(store: S3Store, listing: Listing): AsyncIterable<Page> {
  const { prefix } = listing
  const { key } = parseS3Prefix(prefix)
  const root = key === '' ? withSlash(prefix) : prefix.slice(0, prefix.length - key.length)
  let token: string | undefined
  do {
    const answer = await listPage(store, { ...listing, key, token })
    yield { answer, root }
    token = answer.IsTruncated === true ? answer.NextContinuationToken : undefined
  } while (token !== undefined)
}

function* filesOf(page: Page): Iterable<FileStat> {
  for (const { Key, Size, LastModified, ETag } of page.answer.Contents ?? []) {
    if (Key === undefined) continue
    const location = locationOf(page, Key)
    if (location.endsWith('/') && (Size ?? 0) === 0) continue
    yield {
      location,
      sizeBytes: Size ?? 0,
      modifiedMs: LastModified?.getTime() ?? 0,
      ...(ETag === undefined ? {} : { etag: ETag }),
    }
  }
}

function locationOf({ answer, root }: Page, key: string): string {
  return root + (answer.EncodingType === 'url' ? decoded(key) : key)
}

function withSlash(prefix: string): string {
  return prefix.endsWith('/') ? prefix : `${prefix}/`
}

function listPage(
  store: S3Store,
  listing: Listing & { readonly key: string; readonly token: string | undefined },
) {
  const { prefix, delimiter, key, token, signal } = listing
  return sendRetried(store, {
    kind: 'list',
    location: prefix,
    signal,
    send: ({ sdk, client, settings, bucket, options }) =>
      client.send(
        new sdk.ListObjectsV2Command({
          Bucket: bucket,
          Prefix: key,
          EncodingType: 'url',
          ...(delimiter === undefined ? {} : { Delimiter: delimiter }),
          ...(token === undefined ? {} : { ContinuationToken: token }),
          ...settings.all,
        }),
        options,
      ),
  })
}

function decoded(key: string): string {
  return decodeURIComponent(key.replaceAll('+', ' '))
}
