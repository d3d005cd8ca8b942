/**
 * A layer that keeps everything under one prefix in a store of its own: files that are made up for a reader lie
 * beside real ones, and a table may name both.
 */
import type { FileIO } from './file-io.js'

/** Locations that begin with `prefix` belong to `over`, all others to `inner`. A listing sees one of the two. */
export function overlaidIO(inner: FileIO, layer: { readonly prefix: string; readonly over: FileIO }): FileIO {
  const { prefix, over } = layer
  const storeOf = (location: string): FileIO => (location.startsWith(prefix) ? over : inner)
  return {
    capabilities: inner.capabilities,
    read: (location, options) => storeOf(location).read(location, options),
    stat: (location, options) => storeOf(location).stat(location, options),
    write: (location, bytes, options) => storeOf(location).write(location, bytes, options),
    openWriter: (location, options) => storeOf(location).openWriter(location, options),
    create: (location, bytes, options) => storeOf(location).create(location, bytes, options),
    replace: (location, bytes, options) => storeOf(location).replace(location, bytes, options),
    list: (location, options) => storeOf(location).list(location, options),
    listLevel: (location, options) => storeOf(location).listLevel(location, options),
    async delete(locations, options) {
      const ours = locations.filter(location => location.startsWith(prefix))
      const theirs = locations.filter(location => !location.startsWith(prefix))
      const reports = [await over.delete(ours, options), await inner.delete(theirs, options)]
      return {
        deleted: reports.flatMap(report => report.deleted),
        failed: reports.flatMap(report => report.failed),
      }
    },
  }
}
