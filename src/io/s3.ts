/**
 * Files in S3, and in stores that speak its protocol. Locations are `s3://`, `s3a://` or `s3n://`.
 *
 *   read      ranged GETs; near ones are joined, long ones run in pieces, what breaks off is read on
 *   write     one PUT;  openWriter: one PUT, or an upload in parts
 *   create    PUT If-None-Match: *;  replace: PUT If-Match: an etag.  Lost answers are settled by reading back
 *   list      page by page, a level of folders too;  delete: batches of a thousand
 *
 * Nothing of the SDK is loaded before the first request.
 */
import { checkSignal } from '../base/errors.js'
import type { FileIO } from './file-io.js'
import { coalescedReads } from './s3-coalesce.js'
import { deleteObjects } from './s3-delete.js'
import { listObjects, listObjectsAndFolders } from './s3-list.js'
import { readObject, readRange, statObject } from './s3-read.js'
import { createS3Store, type S3StoreOptions } from './s3-request.js'
import { openS3Writer } from './s3-upload.js'
import { createObject, putObject, replaceObject } from './s3-write.js'

/**
 * A store by its properties, which have the names of Java's S3FileIO and of PyIceberg (`s3.endpoint`, `s3.region`, ...).
 * A conditional write whose outcome stays unknown ends in kind `commit-state-unknown`.
 * @throws invalid-argument, unsupported for properties that cannot be
 */
export function createS3IO(options: S3StoreOptions): FileIO {
  const store = createS3Store(options)
  const readJoined = coalescedReads(read => readRange(store, read))
  return {
    capabilities: { conditionalWrites: true },
    async read(location, { range, into, signal } = {}) {
      checkSignal(signal)
      if (range === undefined) return readObject(store, location, { signal })
      return readJoined(location, { range, into, signal })
    },
    async stat(location, options = {}) {
      return statObject(store, location, options)
    },
    async write(location, bytes, options = {}) {
      await putObject(store, location, bytes, options)
    },
    async openWriter(location, options = {}) {
      checkSignal(options.signal)
      return openS3Writer(store, location, options)
    },
    async create(location, bytes, options = {}) {
      return createObject(store, location, bytes, options)
    },
    async replace(location, bytes, options) {
      return replaceObject(store, location, bytes, options)
    },
    list: (prefix, options = {}) => listObjects(store, prefix, options),
    listLevel: (prefix, options = {}) => listObjectsAndFolders(store, prefix, options),
    async delete(locations, options = {}) {
      return deleteObjects(store, locations, options)
    },
  }
}
