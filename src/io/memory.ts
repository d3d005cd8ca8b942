/**
 * Files in a Map: the store of tests and of `memory://` lakes. It obeys the same contract as the others, so
 * what a test shows on it holds for them.
 */
import { checkSignal, LakeError } from '../base/errors.js'
import { type Runtime, systemRuntime } from '../base/runtime.js'
import type { FileIO, FileStat, FileWriter, ReadOptions } from './file-io.js'

interface StoredFile {
  readonly bytes: Uint8Array
  readonly modifiedMs: number
  readonly etag: string
}

/** An empty store. `runtime` gives the modification times; by default the system's clock. */
export function createMemoryIO(options: { readonly runtime?: Runtime | undefined } = {}): FileIO {
  const runtime = options.runtime ?? systemRuntime
  const files = new Map<string, StoredFile>()
  let version = 0

  const store = (location: string, bytes: Uint8Array): void => {
    version += 1
    files.set(location, { bytes, modifiedMs: runtime.nowMs(), etag: String(version) })
  }
  const find = (location: string): StoredFile => {
    const file = files.get(location)
    if (file === undefined) {
      throw new LakeError('not-found', 'the file does not exist', { context: { location } })
    }
    return file
  }

  return {
    capabilities: { conditionalWrites: true },
    async read(location, options = {}) {
      checkSignal(options.signal)
      return sliceOf(find(location).bytes, options)
    },
    async stat(location, options = {}) {
      checkSignal(options.signal)
      return statOf(location, find(location))
    },
    async write(location, bytes, options = {}) {
      checkSignal(options.signal)
      store(location, bytes.slice())
    },
    async openWriter(location, options = {}) {
      checkSignal(options.signal)
      return openMemoryWriter(bytes => store(location, bytes))
    },
    async create(location, bytes, options = {}) {
      checkSignal(options.signal)
      if (files.has(location)) return 'exists'
      store(location, bytes.slice())
      return 'created'
    },
    async replace(location, bytes, options) {
      checkSignal(options.signal)
      if (files.get(location)?.etag !== options.etag) return 'changed'
      store(location, bytes.slice())
      return 'replaced'
    },
    async *list(prefix, options = {}) {
      checkSignal(options.signal)
      for (const [location, file] of [...files]) {
        checkSignal(options.signal)
        if (location.startsWith(prefix)) yield statOf(location, file)
      }
    },
    async *listLevel(prefix, options = {}) {
      checkSignal(options.signal)
      const folders = new Set<string>()
      for (const [location, file] of [...files]) {
        checkSignal(options.signal)
        if (!location.startsWith(prefix)) continue
        const end = location.indexOf('/', prefix.length)
        const folder = end < 0 ? undefined : location.slice(0, end)
        if (folder === undefined) yield { kind: 'file', file: statOf(location, file) }
        else if (!folders.has(folder)) {
          folders.add(folder)
          yield { kind: 'folder', location: folder }
        }
      }
    },
    async delete(locations, options = {}) {
      checkSignal(options.signal)
      for (const location of locations) files.delete(location)
      return { deleted: [...locations], failed: [] }
    },
  }
}

function statOf(location: string, file: StoredFile): FileStat {
  return { location, sizeBytes: file.bytes.length, modifiedMs: file.modifiedMs, etag: file.etag }
}

function sliceOf(bytes: Uint8Array, { range, into }: ReadOptions): Uint8Array {
  if (range === undefined) return bytes.slice()
  const part = bytes.subarray(range.offset, range.offset + range.lengthBytes)
  if (into === undefined || part.length > into.length) return part.slice()
  into.set(part)
  return into.subarray(0, part.length)
}

/** Grows one buffer by doubling, so that many small writes stay linear. */
function openMemoryWriter(publish: (bytes: Uint8Array) => void): FileWriter {
  let buffer = new Uint8Array(1024)
  let length = 0
  let state: 'open' | 'closed' | 'aborted' = 'open'
  const checkOpen = (): void => {
    if (state !== 'open') throw new LakeError('invalid-argument', 'the writer is no longer open')
  }
  return {
    get sizeBytes() {
      return length
    },
    async write(bytes) {
      checkOpen()
      if (length + bytes.length > buffer.length) {
        const grown = new Uint8Array(Math.max(buffer.length * 2, length + bytes.length))
        grown.set(buffer.subarray(0, length))
        buffer = grown
      }
      buffer.set(bytes, length)
      length += bytes.length
    },
    async close() {
      checkOpen()
      state = 'closed'
      publish(buffer.slice(0, length))
    },
    async abort() {
      if (state === 'open') state = 'aborted'
    },
  }
}
