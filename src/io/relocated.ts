/**
 * A layer for tables whose metadata names another root than the one they lie under now (a copied table, a
 * mounted bucket). Callers keep the names of the metadata; storage sees the real ones.
 */
import type { FileIO } from './file-io.js'
import { isLocal, localPath, trimTrailingSlash } from './location.js'

export interface Relocation {
  /** The root that the metadata names. */
  readonly from: string
  /** The root where the files are. */
  readonly to: string
}

/** Serves everything under `from` out of `to`; other locations pass unchanged. */
export function relocatedIO(inner: FileIO, relocation: Relocation): FileIO {
  const from = comparable(trimTrailingSlash(relocation.from))
  const to = trimTrailingSlash(relocation.to)
  const moved = (location: string): string => {
    const rest = restBelow(comparable(location), from)
    return rest === undefined ? location : to + rest
  }
  return {
    capabilities: inner.capabilities,
    read: (location, options) => inner.read(moved(location), options),
    stat: async (location, options) => ({ ...(await inner.stat(moved(location), options)), location }),
    write: (location, bytes, options) => inner.write(moved(location), bytes, options),
    openWriter: (location, options) => inner.openWriter(moved(location), options),
    create: (location, bytes, options) => inner.create(moved(location), bytes, options),
    replace: (location, bytes, options) => inner.replace(moved(location), bytes, options),
    async *list(prefix, options) {
      const real = moved(prefix)
      for await (const file of inner.list(real, options)) {
        yield { ...file, location: prefix + file.location.slice(real.length) }
      }
    },
    async delete(locations, options) {
      const named = new Map(locations.map(location => [moved(location), location] as const))
      const original = (location: string): string => named.get(location) ?? location
      const report = await inner.delete([...named.keys()], options)
      return {
        deleted: report.deleted.map(original),
        failed: report.failed.map(({ location, reason }) => ({ location: original(location), reason })),
      }
    },
  }
}

/** One spelling for local files, so that `file:/w` also covers `file:///w/x`. */
function comparable(location: string): string {
  return isLocal(location) ? localPath(location) : location
}

/** What follows the root, beginning with a slash; undefined when the location is not below it. */
function restBelow(location: string, root: string): string | undefined {
  if (!location.startsWith(root)) return undefined
  const rest = location.slice(root.length)
  return rest === '' || rest.startsWith('/') ? rest : undefined
}
