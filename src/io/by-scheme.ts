/**
 * One FileIO over several stores: the scheme of a location says which. The store of S3 is opened by its first use, so a
 * lake on a local disk never loads it.
 */
import { LakeError } from '../base/errors.js'
import type { DeleteReport, FileIO } from './file-io.js'
import { isLocal, scheme } from './location.js'

export interface StoresByScheme {
  /** `file:` and absolute paths. */
  readonly local: FileIO
  /** `s3:`, `s3a:`, `s3n:`. */
  readonly s3: () => Promise<FileIO>
}

/** Both stores have conditional writes. Locations of other schemes are refused with kind `unsupported`. */
export function ioByScheme(stores: StoresByScheme): FileIO {
  let s3: Promise<FileIO> | undefined
  const openS3 = (): Promise<FileIO> => {
    s3 ??= stores.s3().catch(error => {
      s3 = undefined
      throw error
    })
    return s3
  }
  const storeOf = async (location: string): Promise<FileIO> => {
    if (isLocal(location)) return stores.local
    if (isS3(location)) return openS3()
    throw new LakeError('unsupported', 'there is no store for locations of this scheme', {
      context: { location },
    })
  }
  return {
    capabilities: stores.local.capabilities,
    read: async (location, options) => (await storeOf(location)).read(location, options),
    stat: async (location, options) => (await storeOf(location)).stat(location, options),
    write: async (location, bytes, options) => (await storeOf(location)).write(location, bytes, options),
    openWriter: async (location, options) => (await storeOf(location)).openWriter(location, options),
    create: async (location, bytes, options) => (await storeOf(location)).create(location, bytes, options),
    replace: async (location, bytes, options) => (await storeOf(location)).replace(location, bytes, options),
    async *list(prefix, options) {
      yield* (await storeOf(prefix)).list(prefix, options)
    },
    async *listLevel(prefix, options) {
      yield* (await storeOf(prefix)).listLevel(prefix, options)
    },
    async delete(locations, options) {
      const byStore = new Map<FileIO, string[]>()
      const failed: { location: string; reason: string }[] = []
      for (const location of locations) {
        if (!isLocal(location) && !isS3(location)) {
          failed.push({ location, reason: 'there is no store for locations of this scheme' })
          continue
        }
        const store = await storeOf(location)
        const listed = byStore.get(store)
        if (listed === undefined) byStore.set(store, [location])
        else listed.push(location)
      }
      const reports: DeleteReport[] = []
      for (const [store, listed] of byStore) reports.push(await store.delete(listed, options))
      return {
        deleted: reports.flatMap(report => report.deleted),
        failed: [...failed, ...reports.flatMap(report => report.failed)],
      }
    },
  }
}

function isS3(location: string): boolean {
  return /^s3[an]?$/.test(scheme(location) ?? '')
}
