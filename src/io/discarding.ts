/**
 * A layer that keeps nothing of what is written: an operation can be tried out on real data, and counted, without a
 * trace. What is read is what is stored.
 */
import type { FileIO, FileWriter } from './file-io.js'

/** The store with writes that go nowhere; deletes do nothing either. */
export function discardingIO(inner: FileIO): FileIO {
  return {
    capabilities: inner.capabilities,
    read: (location, options) => inner.read(location, options),
    stat: (location, options) => inner.stat(location, options),
    write: () => Promise.resolve(),
    openWriter: () => Promise.resolve(discardingWriter()),
    create: () => Promise.resolve('created'),
    replace: () => Promise.resolve('replaced'),
    list: (prefix, options) => inner.list(prefix, options),
    listLevel: (prefix, options) => inner.listLevel(prefix, options),
    delete: locations => Promise.resolve({ deleted: locations, failed: [] }),
  }
}

function discardingWriter(): FileWriter {
  let sizeBytes = 0
  return {
    get sizeBytes() {
      return sizeBytes
    },
    write(bytes) {
      sizeBytes += bytes.length
      return Promise.resolve()
    },
    close: () => Promise.resolve(),
    abort: () => Promise.resolve(),
  }
}
