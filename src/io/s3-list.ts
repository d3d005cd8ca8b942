/**
 * Listing objects: page after page, keys of any depth. Keys come percent-encoded, as XML cannot hold all of them. Empty
 * objects whose names end in a slash are folders that consoles draw: no files.
 */
import type { FileStat, IoOptions } from './file-io.js'
import { parseS3Prefix } from './s3-location.js'
import { type S3Store, sendRetried } from './s3-request.js'

/** @throws not-found for a bucket that is not there; denied, unavailable */
export async function* listObjects(
  store: S3Store,
  prefix: string,
  { signal }: IoOptions,
): AsyncIterable<FileStat> {
  const { key } = parseS3Prefix(prefix)
  // What is before the key is spelled as the caller spells it.
  const root = key === '' ? withSlash(prefix) : prefix.slice(0, prefix.length - key.length)
  let token: string | undefined
  do {
    const page = await listPage(store, { prefix, key, token, signal })
    for (const { Key, Size, LastModified, ETag } of page.Contents ?? []) {
      if (Key === undefined) continue
      const name = page.EncodingType === 'url' ? decoded(Key) : Key
      if (name.endsWith('/') && (Size ?? 0) === 0) continue
      yield {
        location: root + name,
        sizeBytes: Size ?? 0,
        modifiedMs: LastModified?.getTime() ?? 0,
        ...(ETag === undefined ? {} : { etag: ETag }),
      }
    }
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined
  } while (token !== undefined)
}

function withSlash(prefix: string): string {
  return prefix.endsWith('/') ? prefix : `${prefix}/`
}

interface Page {
  readonly prefix: string
  readonly key: string
  readonly token: string | undefined
  readonly signal: AbortSignal | undefined
}

function listPage(store: S3Store, { prefix, key, token, signal }: Page) {
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
