/**
 * A file for what does not fit into memory, gone with its last use. It loses its name as soon as it is open, so the
 * system frees it however the process ends; where an open file keeps its name (Windows), `close` removes it.
 */
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { storageError } from './errno.js'

export interface SpillFile {
  readonly sizeBytes: number
  /** Writes the bytes at the end; where they begin. One call at a time. @throws unavailable when the disk is full */
  append(bytes: Uint8Array): Promise<number>
  /** @throws unavailable */
  read(from: number, lengthBytes: number): Promise<Uint8Array>
  /** Frees the space. */
  close(): Promise<void>
}

/** @param folder default: the system's folder for temporary files */
export async function openSpillFile(folder: string = tmpdir()): Promise<SpillFile> {
  const own = await located(folder, () => mkdtemp(join(folder, 'serac-spill-')))
  const handle = await opened(own)
  const isNameless = await removed(own)
  let sizeBytes = 0
  return {
    get sizeBytes() {
      return sizeBytes
    },
    append: bytes =>
      located(folder, async () => {
        const from = sizeBytes
        for (let at = 0; at < bytes.length; ) {
          const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, from + at)
          at += bytesWritten
        }
        sizeBytes += bytes.length
        return from
      }),
    read: (from, lengthBytes) => located(folder, () => readExactly(handle, from, lengthBytes)),
    async close() {
      await handle.close()
      if (!isNameless) await removed(own)
    },
  }
}

async function opened(own: string): Promise<FileHandle> {
  try {
    return await open(join(own, 'rows'), 'wx+')
  } catch (error) {
    await removed(own)
    throw storageError(error, own)
  }
}

async function readExactly(handle: FileHandle, from: number, lengthBytes: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(lengthBytes)
  for (let at = 0; at < lengthBytes; ) {
    const { bytesRead } = await handle.read(bytes, at, lengthBytes - at, from + at)
    if (bytesRead === 0) throw new Error('the spill file is shorter than what was written')
    at += bytesRead
  }
  return bytes
}

async function removed(folder: string): Promise<boolean> {
  try {
    await rm(folder, { recursive: true })
    return true
  } catch {
    return false
  }
}

async function located<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw storageError(error, folder)
  }
}
