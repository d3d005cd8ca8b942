/**
 * Small files, read and written with calls that return when they are done. A detour through the threads of the process
 * takes several times as long as the system needs to read a manifest, or to write one: a commit would be mostly waiting.
 *
 * Storage that does not answer at once - a disk that has to seek, a network - would hold the process up, so after a slow
 * call the next ones take the detour (`Pace`). What has to be on the disk is waited for in a thread always.
 */
import { closeSync, fstatSync, fsync, openSync, readSync, writeSync } from 'node:fs'
import type { Runtime } from '../base/runtime.js'
import type { ByteRange } from './file-io.js'

/** Files and ranges up to this are small. */
export const SMALL_BYTES_MAX: number = 2 ** 18

/** A call that took longer was a slow one. */
const SLOW_MS = 4
/** Calls that take the detour after a slow one. */
const DETOURS = 64

export interface Pace {
  /** Does the work now; undefined when it is not to be done now, or gives nothing. */
  tryNow<T>(work: () => T | undefined): T | undefined
}

export function createPace(runtime: Pick<Runtime, 'nowMs'>): Pace {
  let detours = 0
  return {
    tryNow(work) {
      if (detours > 0) {
        detours--
        return undefined
      }
      const startMs = runtime.nowMs()
      try {
        return work()
      } finally {
        if (runtime.nowMs() - startMs > SLOW_MS) detours = DETOURS
      }
    },
  }
}

/** A whole file; undefined when it is not small. */
export function readSmallFile(path: string): Uint8Array | undefined {
  return withFile(path, descriptor => {
    const { size } = fstatSync(descriptor)
    return size > SMALL_BYTES_MAX ? undefined : readFrom(descriptor, 0, new Uint8Array(size))
  })
}

/** A range of a file, as far as it goes, in `into` when it fits; undefined when the range is not small. */
export function readSmallRange(
  path: string,
  range: ByteRange,
  into: Uint8Array | undefined,
): Uint8Array | undefined {
  if (range.lengthBytes > SMALL_BYTES_MAX) return undefined
  return withFile(path, descriptor => {
    const left = Math.max(0, Math.min(range.lengthBytes, fstatSync(descriptor).size - range.offset))
    const bytes = into !== undefined && left <= into.length ? into.subarray(0, left) : new Uint8Array(left)
    return readFrom(descriptor, range.offset, bytes)
  })
}

function withFile<T>(path: string, read: (descriptor: number) => T): T {
  const descriptor = openSync(path, 'r')
  try {
    return read(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function readFrom(descriptor: number, offset: number, bytes: Uint8Array): Uint8Array {
  let filled = 0
  while (filled < bytes.length) {
    const count = readSync(descriptor, bytes, filled, bytes.length - filled, offset + filled)
    if (count === 0) break
    filled += count
  }
  return filled === bytes.length ? bytes : bytes.subarray(0, filled)
}

/** Makes a file of that content, whose name may not be taken; the descriptor is open still. */
export function writeNewFile(path: string, bytes: Uint8Array): number {
  const descriptor = openSync(path, 'wx')
  try {
    let written = 0
    while (written < bytes.length) written += writeSync(descriptor, bytes, written, bytes.length - written)
    return descriptor
  } catch (error) {
    closeSync(descriptor)
    throw error
  }
}

/** Waits until what was written is on the disk, and closes the file. */
export async function settleFile(descriptor: number, options: { readonly fsync: boolean }): Promise<void> {
  try {
    if (options.fsync) await syncDescriptor(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Waits until the names in a folder are on the disk. */
export async function syncFolder(folder: string): Promise<void> {
  await settleFile(openSync(folder, 'r'), { fsync: true })
}

function syncDescriptor(descriptor: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fsync(descriptor, error => (error === null ? resolve() : reject(error)))
  })
}
