/**
 * Files of this machine.
 *
 *   write    temporary file, fsync, rename to the name, fsync of the folder
 *   create   temporary file, fsync, link to the name (fails when the name is taken), fsync of the folder
 *   replace  under a lock file beside the name: compare the etag, then as write
 *
 * So a reader sees no file or a whole one, and what was acknowledged survives a power cut. A temporary file
 * (`.<name>.<uuid>.tmp`) that a crash leaves behind is listed like any other, so orphan removal finds it.
 */
import type { Stats } from 'node:fs'
import { type FileHandle, link, mkdir, open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { mapBounded } from '../base/concurrency.js'
import { checkSignal, isLakeError, LakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import { errnoOf, storageError } from './errno.js'
import type { ByteRange, FileIO, FileStat, FileWriter, ReadOptions } from './file-io.js'
import { localPath } from './location.js'

export interface LocalIoOptions {
  readonly runtime: Runtime
  /** Wait until bytes and names are on the disk; default true. */
  readonly fsync?: boolean | undefined
  /** How long `replace` waits for the lock of another process; default 10 000. */
  readonly lockWaitMsMax?: number | undefined
}

const PARALLEL_FILES = 16
const LOCK_POLL_MS = 10

interface LocalStore {
  readonly runtime: Runtime
  readonly fsync: boolean
  readonly lockWaitMsMax: number
}

export function createLocalIO(options: LocalIoOptions): FileIO {
  const store: LocalStore = {
    runtime: options.runtime,
    fsync: options.fsync ?? true,
    lockWaitMsMax: options.lockWaitMsMax ?? 10_000,
  }
  return {
    capabilities: { conditionalWrites: true },
    async read(location, options = {}) {
      checkSignal(options.signal)
      return guarded(location, path => readBytes(path, options))
    },
    async stat(location, options = {}) {
      checkSignal(options.signal)
      return guarded(location, path => statFile(path, location))
    },
    async write(location, bytes, options = {}) {
      checkSignal(options.signal)
      await guarded(location, path => publish(store, path, bytes, rename))
    },
    async openWriter(location, options = {}) {
      checkSignal(options.signal)
      return guarded(location, path => openLocalWriter(store, path, location))
    },
    async create(location, bytes, options = {}) {
      checkSignal(options.signal)
      return guarded(location, path => createFile(store, path, bytes))
    },
    async replace(location, bytes, options) {
      checkSignal(options.signal)
      return guarded(location, path => replaceFile(store, path, { ...options, bytes, location }))
    },
    list: (prefix, options = {}) => listFiles(prefix, options.signal),
    async delete(locations, options = {}) {
      const deleted: string[] = []
      const failed: { location: string; reason: string }[] = []
      const remove = async (location: string): Promise<void> => {
        try {
          await guarded(location, path => unlink(path))
          deleted.push(location)
        } catch (error) {
          if (isLakeError(error, 'not-found')) deleted.push(location)
          else failed.push({ location, reason: reasonOf(error) })
        }
      }
      await mapBounded(locations, remove, { limit: PARALLEL_FILES, signal: options.signal })
      return { deleted, failed }
    },
  }
}

async function guarded<T>(location: string, work: (path: string) => Promise<T>): Promise<T> {
  const path = localPath(location)
  try {
    return await work(path)
  } catch (error) {
    throw storageError(error, location)
  }
}

function reasonOf(error: unknown): string {
  return error instanceof LakeError ? String(error.context.reason ?? error.message) : String(error)
}

async function readBytes(path: string, { range, into }: ReadOptions): Promise<Uint8Array> {
  if (range === undefined) return plainBytes(await readFile(path))
  const handle = await open(path, 'r')
  try {
    return await readRange(handle, range, into)
  } finally {
    await handle.close()
  }
}

/** Not a Buffer: its `slice` would share memory. */
function plainBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
}

async function readRange(
  handle: FileHandle,
  range: ByteRange,
  into: Uint8Array | undefined,
): Promise<Uint8Array> {
  // Never more than the file has: a range from a broken footer must not ask for gigabytes of memory.
  const { size } = await handle.stat()
  const wanted = Math.max(0, Math.min(range.lengthBytes, size - range.offset))
  const bytes =
    into !== undefined && wanted <= into.length ? into.subarray(0, wanted) : new Uint8Array(wanted)
  let filled = 0
  while (filled < wanted) {
    const { bytesRead } = await handle.read(bytes, filled, wanted - filled, range.offset + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return filled === wanted ? bytes : bytes.subarray(0, filled)
}

async function statFile(path: string, location: string): Promise<FileStat> {
  const stats = await stat(path, { bigint: true })
  if (!stats.isFile())
    throw new LakeError('not-found', 'the location is not a file', { context: { location } })
  const sizeBytes = Number(stats.size)
  return {
    location,
    sizeBytes,
    modifiedMs: Number(stats.mtimeMs),
    etag: `${stats.ino.toString(16)}-${stats.mtimeNs.toString(16)}-${sizeBytes.toString(16)}`,
  }
}

/** Writes a temporary file beside the path, then lets `settle` (rename or link) give it its name. */
async function publish(
  store: LocalStore,
  path: string,
  bytes: Uint8Array,
  settle: (from: string, to: string) => Promise<void>,
): Promise<void> {
  const temporary = await openTemporary(store, path)
  try {
    try {
      await writeFully(temporary.handle, bytes)
      if (store.fsync) await temporary.handle.sync()
    } finally {
      await temporary.handle.close()
    }
    await settle(temporary.path, path)
  } catch (error) {
    await removeQuietly(temporary.path)
    throw error
  }
  await syncFolder(store, dirname(path))
}

async function createFile(store: LocalStore, path: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
  try {
    await publish(store, path, bytes, async (from, to) => {
      await link(from, to)
      await removeQuietly(from)
    })
    return 'created'
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return 'exists'
    throw error
  }
}

async function replaceFile(
  store: LocalStore,
  path: string,
  request: { bytes: Uint8Array; etag: string; location: string; signal?: AbortSignal | undefined },
): Promise<'replaced' | 'changed'> {
  const lock = await takeLock(store, path, request.signal)
  try {
    const current = await statFile(path, request.location).catch(() => undefined)
    if (current?.etag !== request.etag) return 'changed'
    await publish(store, path, request.bytes, rename)
    return 'replaced'
  } finally {
    await removeQuietly(lock)
  }
}

/** A lock file left by a crash is never broken: its name is in the error, for a person to remove. */
async function takeLock(store: LocalStore, path: string, signal: AbortSignal | undefined): Promise<string> {
  const lock = join(dirname(path), `.${basename(path)}.lock`)
  for (let waitedMs = 0; ; waitedMs += LOCK_POLL_MS) {
    try {
      const handle = await open(lock, 'wx')
      await handle.close()
      return lock
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error
      if (waitedMs >= store.lockWaitMsMax) {
        throw new LakeError('unavailable', 'another process holds the lock of the file', {
          context: { location: path, lock },
        })
      }
    }
    await store.runtime.sleep(LOCK_POLL_MS, signal)
  }
}

interface Temporary {
  readonly path: string
  readonly handle: FileHandle
}

async function openTemporary(store: LocalStore, path: string): Promise<Temporary> {
  const temporary = join(dirname(path), `.${basename(path)}.${store.runtime.uuid()}.tmp`)
  try {
    return { path: temporary, handle: await open(temporary, 'wx') }
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
    await makeFolder(dirname(path), store)
    return { path: temporary, handle: await open(temporary, 'wx') }
  }
}

/** Makes the folder and those above it, each durable in its parent. */
export async function makeFolder(folder: string, store: { readonly fsync: boolean }): Promise<void> {
  const first = await mkdir(resolve(folder), { recursive: true })
  if (first === undefined) return
  for (let made = resolve(folder); made.length >= first.length; made = dirname(made)) {
    await syncFolder(store, dirname(made))
  }
}

async function syncFolder(store: { readonly fsync: boolean }, folder: string): Promise<void> {
  if (!store.fsync) return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function writeFully(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let written = 0
  while (written < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written)
    written += bytesWritten
  }
}

async function removeQuietly(path: string): Promise<void> {
  // The file may never have been made; a remainder is found by orphan removal.
  await unlink(path).catch(() => undefined)
}

async function openLocalWriter(store: LocalStore, path: string, location: string): Promise<FileWriter> {
  const temporary = await openTemporary(store, path)
  let sizeBytes = 0
  let state: 'open' | 'closing' | 'done' = 'open'
  const guardedWhileOpen = async (work: () => Promise<void>): Promise<void> => {
    if (state !== 'open') {
      throw new LakeError('invalid-argument', 'the writer is no longer open', { context: { location } })
    }
    await guarded(location, work)
  }
  return {
    get sizeBytes() {
      return sizeBytes
    },
    write: bytes =>
      guardedWhileOpen(async () => {
        await writeFully(temporary.handle, bytes)
        sizeBytes += bytes.length
      }),
    close: () =>
      guardedWhileOpen(async () => {
        if (store.fsync) await temporary.handle.sync()
        state = 'closing'
        await temporary.handle.close()
        await rename(temporary.path, path)
        state = 'done'
        await syncFolder(store, dirname(path))
      }),
    async abort() {
      if (state === 'done') return
      if (state === 'open') await temporary.handle.close().catch(() => undefined)
      state = 'done'
      await removeQuietly(temporary.path)
    },
  }
}

async function* listFiles(prefix: string, signal: AbortSignal | undefined): AsyncIterable<FileStat> {
  const path = localPath(prefix)
  const spelling = prefix.slice(0, prefix.length - path.length)
  const folder = path.slice(0, path.lastIndexOf('/') + 1)
  try {
    for await (const found of walk(folder, path, signal)) {
      yield { ...found, location: spelling + found.location }
    }
  } catch (error) {
    throw storageError(error, prefix)
  }
}

async function* walk(
  folder: string,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncIterable<FileStat> {
  checkSignal(signal)
  const entries = await ignoreAbsent(readdir(folder, { withFileTypes: true }))
  const folders: string[] = []
  const files: string[] = []
  for (const entry of entries ?? []) {
    const path = folder + entry.name
    // A link to a folder is not followed: it could lead in a circle.
    if (entry.isDirectory()) {
      if (`${path}/`.startsWith(prefix) || prefix.startsWith(`${path}/`)) folders.push(`${path}/`)
    } else if (path.startsWith(prefix)) files.push(path)
  }
  const stats = await mapBounded(files, path => ignoreAbsent(stat(path)), { limit: PARALLEL_FILES, signal })
  for (const [index, found] of stats.entries()) {
    if (found?.isFile()) yield listed(files[index] as string, found)
  }
  for (const inner of folders) yield* walk(inner, prefix, signal)
}

function listed(path: string, stats: Stats): FileStat {
  return { location: path, sizeBytes: stats.size, modifiedMs: Math.trunc(stats.mtimeMs) }
}

/** Folders and files may go away while they are listed. */
async function ignoreAbsent<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined
    throw error
  }
}
