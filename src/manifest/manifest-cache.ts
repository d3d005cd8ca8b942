/**
 * Manifests that were read, unpacked, for scans that read them again; and the bytes of manifest lists that were read or
 * written, as the next commit goes on from the list of the last. Neither ever changes, so what is found under
 * (location, length) is right for ever; a budget in bytes bounds what is kept, the least recently used goes first. What is
 * counted is the memory behind the blocks.
 */
import type { AvroRecordType } from '../format/avro-schema.js'
import type { FileIO } from '../io/file-io.js'
import type { EntryBlock } from './entry-blocks.js'
import type { ManifestFile } from './manifest-file.js'

/** A manifest without its file. */
export interface UnpackedManifest {
  readonly metadata: ReadonlyMap<string, string>
  readonly schema: AvroRecordType
  readonly blocks: readonly EntryBlock[]
  /** Memory behind the blocks. */
  readonly sizeBytes: number
}

export interface ManifestCache {
  /** Bytes that are kept. */
  readonly sizeBytes: number
  readonly sizeBytesMax: number
  get(manifest: ManifestFile): UnpackedManifest | undefined
  /** Keeps a manifest unless it is larger than the budget. */
  put(manifest: ManifestFile, unpacked: UnpackedManifest): void
  list(location: string): Uint8Array | undefined
  /** Keeps a list unless it is larger than the budget. */
  putList(location: string, bytes: Uint8Array): void
}

const LISTS_MAX = 64

const caches = new WeakMap<FileIO, ManifestCache>()

/** Keeps the manifests that scans read from this store, all of them together within `sizeBytesMax`. */
export function keepManifests(io: FileIO, options: { readonly sizeBytesMax: number }): void {
  caches.set(io, createManifestCache(options))
}

/** Scans of a layer over a store find what is kept of that store. */
export function shareManifests(layer: FileIO, inner: FileIO): void {
  const cache = caches.get(inner)
  if (cache !== undefined) caches.set(layer, cache)
}

/** The cache of a store: a location means one file there, and maybe another one elsewhere. */
export function manifestCacheOf(io: FileIO): ManifestCache | undefined {
  return caches.get(io)
}

/** A cache that keeps `sizeBytesMax` bytes at most; with 0 it keeps nothing. */
export function createManifestCache(options: { readonly sizeBytesMax: number }): ManifestCache {
  const { sizeBytesMax } = options
  const budget = { sizeBytes: 0 }
  const manifests = new Map<string, UnpackedManifest>()
  const lists = new Map<string, Uint8Array>()
  const dropManifest = (key: string): void => {
    budget.sizeBytes -= manifests.get(key)?.sizeBytes ?? 0
    manifests.delete(key)
  }
  const dropList = (location: string): void => {
    budget.sizeBytes -= lists.get(location)?.length ?? 0
    lists.delete(location)
  }
  /** Lists go last: there are few of them, and they are small. */
  const makeRoom = (sizeBytes: number): void => {
    for (const key of manifests.keys()) {
      if (budget.sizeBytes + sizeBytes <= sizeBytesMax) return
      dropManifest(key)
    }
    for (const location of lists.keys()) {
      if (budget.sizeBytes + sizeBytes <= sizeBytesMax) return
      dropList(location)
    }
  }
  return {
    get sizeBytes() {
      return budget.sizeBytes
    },
    sizeBytesMax,
    get: manifest => used(manifests, keyOf(manifest)),
    put(manifest, unpacked) {
      if (unpacked.sizeBytes > sizeBytesMax) return
      dropManifest(keyOf(manifest))
      makeRoom(unpacked.sizeBytes)
      manifests.set(keyOf(manifest), unpacked)
      budget.sizeBytes += unpacked.sizeBytes
    },
    list: location => used(lists, location),
    putList(location, bytes) {
      if (bytes.length > sizeBytesMax) return
      dropList(location)
      for (const oldest of lists.keys()) if (lists.size >= LISTS_MAX) dropList(oldest)
      makeRoom(bytes.length)
      // Not a view of something larger, which would be kept with it.
      lists.set(location, bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice())
      budget.sizeBytes += bytes.length
    },
  }
}

/** The value, which is the most recently used one from now on. */
function used<T>(kept: Map<string, T>, key: string): T | undefined {
  const found = kept.get(key)
  if (found === undefined) return undefined
  kept.delete(key)
  kept.set(key, found)
  return found
}

function keyOf({ location, lengthBytes }: ManifestFile): string {
  return `${lengthBytes} ${location}`
}
