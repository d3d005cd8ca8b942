/**
 * Manifests that were read, unpacked, for scans that read them again. Manifests never change, so what is found
 * under (location, length) is right for ever; a budget in bytes bounds what is kept, the least recently used goes
 * first. What is counted is the memory behind the blocks.
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
}

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
  /** The least recently used first. */
  const kept = new Map<string, UnpackedManifest>()
  let sizeBytes = 0
  const drop = (key: string): void => {
    sizeBytes -= kept.get(key)?.sizeBytes ?? 0
    kept.delete(key)
  }
  return {
    get sizeBytes() {
      return sizeBytes
    },
    sizeBytesMax,
    get(manifest) {
      const key = keyOf(manifest)
      const found = kept.get(key)
      if (found === undefined) return undefined
      kept.delete(key)
      kept.set(key, found)
      return found
    },
    put(manifest, unpacked) {
      if (unpacked.sizeBytes > sizeBytesMax) return
      drop(keyOf(manifest))
      for (const key of kept.keys()) {
        if (sizeBytes + unpacked.sizeBytes <= sizeBytesMax) break
        drop(key)
      }
      kept.set(keyOf(manifest), unpacked)
      sizeBytes += unpacked.sizeBytes
    },
  }
}

function keyOf({ location, lengthBytes }: ManifestFile): string {
  return `${lengthBytes} ${location}`
}
