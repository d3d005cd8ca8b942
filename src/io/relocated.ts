/**
 * A layer for tables whose metadata names another root than the one they lie under now (a copied table, a
 * mounted bucket). Callers keep the names of the metadata; storage sees the real ones.
 */
import type { FileIO } from './file-io.js'
import { comparableLocation, trimTrailingSlash } from './location.js'

export interface Relocation {
  /** The root that the metadata names. Its spelling does not matter: `file:/w` covers `/w/x`, `s3://b` covers `s3a://b/x`. */
  readonly from: string
  /** The root where the files are. */
  readonly to: string
}

/**
 * Serves everything under `from` out of `to`; other locations pass unchanged. Of several relocations the one with the
 * longest root that fits counts.
 */
export function relocatedIO(inner: FileIO, relocations: Relocation | readonly Relocation[]): FileIO {
  return renamedIO(inner, relocation(listed(relocations)))
}

/** A layer that reads and writes each location under another name, and answers with the name it was asked for. */
export function renamedIO(inner: FileIO, renamed: (location: string) => string): FileIO {
  return {
    capabilities: inner.capabilities,
    read: (location, options) => inner.read(renamed(location), options),
    stat: async (location, options) => ({ ...(await inner.stat(renamed(location), options)), location }),
    write: (location, bytes, options) => inner.write(renamed(location), bytes, options),
    openWriter: (location, options) => inner.openWriter(renamed(location), options),
    create: (location, bytes, options) => inner.create(renamed(location), bytes, options),
    replace: (location, bytes, options) => inner.replace(renamed(location), bytes, options),
    async *list(prefix, options) {
      const real = renamed(prefix)
      for await (const file of inner.list(real, options)) {
        yield { ...file, location: prefix + file.location.slice(real.length) }
      }
    },
    async *listLevel(prefix, options) {
      const real = renamed(prefix)
      const original = (location: string): string => prefix + location.slice(real.length)
      for await (const entry of inner.listLevel(real, options)) {
        if (entry.kind === 'folder') yield { kind: 'folder', location: original(entry.location) }
        else yield { kind: 'file', file: { ...entry.file, location: original(entry.file.location) } }
      }
    },
    async delete(locations, options) {
      const named = new Map(locations.map(location => [renamed(location), location] as const))
      const original = (location: string): string => named.get(location) ?? location
      const report = await inner.delete([...named.keys()], options)
      return {
        deleted: report.deleted.map(original),
        failed: report.failed.map(({ location, reason }) => ({ location: original(location), reason })),
      }
    },
  }
}

function listed(relocations: Relocation | readonly Relocation[]): readonly Relocation[] {
  return 'from' in relocations ? [relocations] : relocations
}

function relocation(relocations: readonly Relocation[]): (location: string) => string {
  const roots = relocations
    .map(({ from, to }) => ({ from: comparableLocation(trimTrailingSlash(from)), to: trimTrailingSlash(to) }))
    .sort((a, b) => b.from.length - a.from.length)
  return location => {
    const compared = comparableLocation(location)
    for (const { from, to } of roots) {
      const rest = restBelow(compared, from)
      if (rest !== undefined) return joined(to, rest)
    }
    return location
  }
}

/** What follows the root, which ends where a name of the path ends; undefined when the location is not below it. */
function restBelow(location: string, root: string): string | undefined {
  if (!location.startsWith(root)) return undefined
  const rest = location.slice(root.length)
  return rest === '' || rest.startsWith('/') || root.endsWith('/') ? rest : undefined
}

function joined(root: string, rest: string): string {
  if (rest === '' || rest.startsWith('/') !== root.endsWith('/')) return root + rest
  return rest.startsWith('/') ? root + rest.slice(1) : `${root}/${rest}`
}
