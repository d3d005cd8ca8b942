/**
 * Locations as text. Iceberg stores full URIs and compares them as strings, so nothing here decodes percent
 * signs or rewrites a path: what follows the scheme is taken literally.
 *
 * A local file has four spellings, which name the same file: `/a/b`, `file:/a/b`, `file:///a/b` and
 * `file://localhost/a/b`. `s3:`, `s3a:` and `s3n:` are one store by the names of its clients, `./a` is `a`.
 * `comparableLocation` brings them together, for roots and for what may be deleted; the paths inside position delete
 * files are compared as they are written.
 */
import { LakeError } from '../base/errors.js'

const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]*):/

/** The scheme in lower case (`s3`, `file`, `memory`), or undefined for a bare path. */
export function scheme(location: string): string | undefined {
  return SCHEME.exec(location)?.[1]?.toLowerCase()
}

/** The location without slashes at its end; the root itself (`/`, `file:///`) is kept. */
export function trimTrailingSlash(location: string): string {
  const trimmed = location.replace(/\/+$/, '')
  return trimmed === '' || /^[A-Za-z][A-Za-z0-9+.-]*:$/.test(trimmed) ? location : trimmed
}

/** The parts joined by single slashes. Empty parts are left out; slashes at their ends are dropped. */
export function joinLocation(base: string, ...parts: readonly string[]): string {
  let joined = trimTrailingSlash(base)
  for (const part of parts) {
    const inner = part.replace(/^\/+|\/+$/g, '')
    if (inner !== '') joined += joined.endsWith('/') ? inner : `/${inner}`
  }
  return joined
}

/** True when the location names a file of this machine. */
export function isLocal(location: string): boolean {
  return location.startsWith('/') || scheme(location) === 'file'
}

/** True for a path without a root: `a/b`, `./a`, `file:a/b`. */
export function isRelative(location: string): boolean {
  const named = scheme(location)
  if (named === undefined) return !location.startsWith('/')
  return named === 'file' && !location.slice('file:'.length).startsWith('/')
}

/** A relative location below the folder; others as they are. */
export function absoluteLocation(location: string, folder: string): string {
  if (!isRelative(location)) return location
  const path = location.replace(/^file:/i, '').replace(/^(?:\.\/+)+/, '')
  if (path === '' || path === '.') return folder
  return folder.endsWith('/') ? folder + path : `${folder}/${path}`
}

/** One text for the spellings of one location. For comparing only: it is no location to read from. */
export function comparableLocation(location: string): string {
  const local = location.replace(/^file:(?:\/\/(?:localhost)?(?=\/))?(?=\/)/i, '')
  return local.replace(/^s3[an]:/i, 's3:').replace(/^(?:\.\/+)+(?=.)/, '')
}

/**
 * The absolute path of a local location.
 * @throws invalid-argument when it is not local, relative, or names another host
 */
export function localPath(location: string): string {
  if (location.startsWith('/')) return location
  const rest = scheme(location) === 'file' ? location.slice('file:'.length) : ''
  const path = rest.startsWith('//') ? rest.replace(/^\/\/(localhost)?/, '') : rest
  if (!path.startsWith('/') || path.startsWith('//')) {
    throw new LakeError('invalid-argument', 'the location is not an absolute path or a file: URI', {
      context: { location },
    })
  }
  return path
}
