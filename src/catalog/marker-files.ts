/**
 * Marker files: empty files beside the embedded catalog whose names say which process of which machine holds something.
 * All processes that use the catalog see them, and tell those of processes that are gone.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { errnoOf } from '../io/errno.js'

/** This machine, as a part of names that are split at `_`. */
export function hostOfMarkers(): string {
  return encodeURIComponent(hostname()).replaceAll('_', '%5F')
}

/** False where nothing can be written, on a read-only medium say. */
export async function makeMarker(folder: string, path: string): Promise<boolean> {
  try {
    await writeFile(path, '', { flag: 'wx' })
    return true
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') return false
  }
  try {
    await mkdir(folder, { recursive: true })
    await writeFile(path, '', { flag: 'wx' })
    return true
  } catch {
    return false
  }
}

/** Names of markers. @throws the error of a folder that is there and cannot be read: then nothing is known of others */
export async function markersIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw error
  }
}

/** Whether a process of this machine is there. Signal 0 asks only; a process of another user is there too. */
export function isProcessAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errnoOf(error) === 'EPERM'
  }
}
