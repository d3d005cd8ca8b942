/** Storage of which only a part is there: whoever asks for the rest is refused. */
import { LakeError } from '../base/errors.js'
import type { FileIO } from '../io/file-io.js'

/** Every verb throws `denied` for a location that `isInside` does not hold for; `delete` reports it as failed. */
export function confinedIO(io: FileIO, isInside: (location: string) => boolean): FileIO {
  const check = (location: string): void => {
    if (!isInside(location))
      throw new LakeError('denied', 'the table names a file outside of its folders', {
        context: { location },
      })
  }
  return {
    capabilities: io.capabilities,
    async read(location, options) {
      check(location)
      return io.read(location, options)
    },
    async stat(location, options) {
      check(location)
      return io.stat(location, options)
    },
    async write(location, bytes, options) {
      check(location)
      return io.write(location, bytes, options)
    },
    async openWriter(location, options) {
      check(location)
      return io.openWriter(location, options)
    },
    async create(location, bytes, options) {
      check(location)
      return io.create(location, bytes, options)
    },
    async replace(location, bytes, options) {
      check(location)
      return io.replace(location, bytes, options)
    },
    async *list(prefix, options) {
      check(prefix)
      yield* io.list(prefix, options)
    },
    async *listLevel(prefix, options) {
      check(prefix)
      yield* io.listLevel(prefix, options)
    },
    async delete(locations, options) {
      const report = await io.delete(locations.filter(isInside), options)
      const outside = locations.filter(location => !isInside(location))
      const reason = 'it is outside of the folders of the table'
      return { ...report, failed: [...report.failed, ...outside.map(location => ({ location, reason }))] }
    },
  }
}
