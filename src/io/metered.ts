/** A layer that counts requests and bytes: what work budgets are asserted on. */
import type { ByteRange, FileIO, FileWriter } from './file-io.js'

export type IoVerb = 'read' | 'stat' | 'write' | 'openWriter' | 'create' | 'replace' | 'list' | 'delete'

export interface IoRequest {
  readonly verb: IoVerb
  /** The location or prefix; of a delete the first one. */
  readonly location: string
  readonly range?: ByteRange | undefined
}

export interface IoCounts {
  /** Requests of each verb; a streamed file is one `openWriter`, and `listLevel` is a `list`. */
  readonly requests: Readonly<Record<IoVerb, number>>
  readonly readBytes: number
  readonly writtenBytes: number
}

export interface MeteredIO {
  readonly io: FileIO
  /** The counts so far; grows with each request. */
  readonly counts: IoCounts
  /** The latest requests, oldest first, at most `requestsMax`. */
  readonly log: readonly IoRequest[]
  /** Starts again from zero. */
  reset(): void
}

/** Counts what passes through; `requestsMax` bounds the log (default 10 000). */
export function meteredIO(
  inner: FileIO,
  options: { readonly requestsMax?: number | undefined } = {},
): MeteredIO {
  const requestsMax = options.requestsMax ?? 10_000
  const requests = noRequests()
  const counts = { requests, readBytes: 0, writtenBytes: 0 }
  const log: IoRequest[] = []
  const count = (verb: IoVerb, location: string, range?: ByteRange): void => {
    requests[verb] += 1
    log.push({ verb, location, range })
    if (log.length > requestsMax) log.shift()
  }
  const written = (bytes: Uint8Array): void => {
    counts.writtenBytes += bytes.length
  }
  const io: FileIO = {
    capabilities: inner.capabilities,
    async read(location, options) {
      count('read', location, options?.range)
      const bytes = await inner.read(location, options)
      counts.readBytes += bytes.length
      return bytes
    },
    stat(location, options) {
      count('stat', location)
      return inner.stat(location, options)
    },
    write(location, bytes, options) {
      count('write', location)
      written(bytes)
      return inner.write(location, bytes, options)
    },
    async openWriter(location, options) {
      count('openWriter', location)
      return meteredWriter(await inner.openWriter(location, options), written)
    },
    create(location, bytes, options) {
      count('create', location)
      written(bytes)
      return inner.create(location, bytes, options)
    },
    replace(location, bytes, options) {
      count('replace', location)
      written(bytes)
      return inner.replace(location, bytes, options)
    },
    list(prefix, options) {
      count('list', prefix)
      return inner.list(prefix, options)
    },
    listLevel(prefix, options) {
      count('list', prefix)
      return inner.listLevel(prefix, options)
    },
    delete(locations, options) {
      count('delete', locations[0] ?? '')
      return inner.delete(locations, options)
    },
  }
  const reset = (): void => {
    Object.assign(requests, noRequests())
    Object.assign(counts, { readBytes: 0, writtenBytes: 0 })
    log.length = 0
  }
  return { io, counts, log, reset }
}

function noRequests(): Record<IoVerb, number> {
  return { read: 0, stat: 0, write: 0, openWriter: 0, create: 0, replace: 0, list: 0, delete: 0 }
}

function meteredWriter(inner: FileWriter, written: (bytes: Uint8Array) => void): FileWriter {
  return {
    get sizeBytes() {
      return inner.sizeBytes
    },
    write(bytes) {
      written(bytes)
      return inner.write(bytes)
    },
    close: () => inner.close(),
    abort: () => inner.abort(),
  }
}
