/**
 * Files of this machine.
 *
 *   write    temporary file, fsync, rename to the name, fsync of the folder
 *   create   temporary file, fsync, link to the name (fails when the name is taken), fsync of the folder
 *   replace  under a lock file beside the name: compare the etag, then as write
 *
 * So a reader sees no file or a whole one, and what was acknowledged survives a power cut. A temporary file
 * (`.<name>.<uuid>.tmp`) that a crash leaves behind is listed like any other, so orphan removal finds it.
 *
 * Small files, of which a commit writes four, are handled without a detour through threads (`small-files.ts`).
 */
import { renameSync } from 'node:fs'
import { type FileHandle, link, mkdir, open, rename, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { concatBytes } from '../base/bytes.js'
import { mapBounded } from '../base/concurrency.js'
import { checkSignal, isLakeError, LakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import { errnoOf, storageError } from './errno.js'
import type { ByteRange, FileIO, FileStat, FileWriter, ReadOptions } from './file-io.js'
import { listLocalFiles, listLocalLevel } from './local-list.js'
import { localPath } from './location.js'
import {
  createPace,
  type Pace,
  readSmallFile,
  readSmallRange,
  SMALL_BYTES_MAX,
  settleFile,
  syncFolder,
  writeNewFile,
} from './small-files.js'

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
  readonly pace: Pace
}

export function createLocalIO(options: LocalIoOptions): FileIO {
  const store: LocalStore = {
    runtime: options.runtime,
    fsync: options.fsync ?? true,
    lockWaitMsMax: options.lockWaitMsMax ?? 10_000,
    pace: createPace(options.runtime),
  }
  return {
    capabilities: { conditionalWrites: true },
    async read(location, options = {}) {
      checkSignal(options.signal)
      return guarded(location, path => readBytes(store, path, options))
    },
    async stat(location, options = {}) {
      checkSignal(options.signal)
      return guarded(location, path => statFile(path, location))
    },
    async write(location, bytes, options = {}) {
      checkSignal(options.signal)
      await guarded(location, path => publish(store, path, bytes, 'rename'))
    },
    async openWriter(location, options = {}) {
      checkSignal(options.signal)
      return guarded(location, async path => openLocalWriter(store, path, location))
    },
    async create(location, bytes, options = {}) {
      checkSignal(options.signal)
      return guarded(location, path => createFile(store, path, bytes))
    },
    async replace(location, bytes, options) {
      checkSignal(options.signal)
      return guarded(location, path => replaceFile(store, path, { ...options, bytes, location }))
    },
    list: (prefix, options = {}) => listLocalFiles(prefix, options.signal),
    listLevel: (prefix, options = {}) => listLocalLevel(prefix, options.signal),
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

async function readBytes(store: LocalStore, path: string, { range, into }: ReadOptions): Promise<Uint8Array> {
  const small = store.pace.tryNow(() =>
    range === undefined ? readSmallFile(path) : readSmallRange(path, range, into),
  )
  if (small !== undefined) return small
  const handle = await open(path, 'r')
  try {
    return range === undefined ? plainBytes(await handle.readFile()) : await readRange(handle, range, into)
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

/** How a finished file gets its name: in place of what has it, or only when nothing has. */
type Naming = 'rename' | 'link'

/** Writes a temporary file beside the path, then gives it its name. */
async function publish(store: LocalStore, path: string, bytes: Uint8Array, naming: Naming): Promise<void> {
  const temporary = temporaryName(store, path)
  try {
    if (!(await writeNow(store, temporary, bytes))) {
      const handle = await openNew(store, temporary)
      await writeAndClose(store, handle, bytes)
    }
    await nameFile(store, { from: temporary, to: path, naming })
  } catch (error) {
    await removeQuietly(temporary)
    throw error
  }
  await syncFolderOf(store, path)
}

/** False when the file is not small, or storage is slow. */
async function writeNow(store: LocalStore, path: string, bytes: Uint8Array): Promise<boolean> {
  if (bytes.length > SMALL_BYTES_MAX) return false
  const descriptor = store.pace.tryNow(() => {
    try {
      return writeNewFile(path, bytes)
    } catch (error) {
      // The long way makes the folder.
      if (errnoOf(error) === 'ENOENT') return undefined
      throw error
    }
  })
  if (descriptor === undefined) return false
  await settleFile(descriptor, store)
  return true
}

async function writeAndClose(store: LocalStore, handle: FileHandle, bytes: Uint8Array): Promise<void> {
  try {
    await writeFully(handle, bytes)
    if (store.fsync) await handle.sync()
  } finally {
    await handle.close()
  }
}

async function nameFile(
  store: LocalStore,
  { from, to, naming }: { readonly from: string; readonly to: string; readonly naming: Naming },
): Promise<void> {
  if (naming === 'link') {
    await link(from, to)
    await removeQuietly(from)
    return
  }
  const isDone = store.pace.tryNow(() => {
    renameSync(from, to)
    return true
  })
  if (isDone !== true) await rename(from, to)
}

async function syncFolderOf(store: LocalStore, path: string): Promise<void> {
  if (store.fsync) await syncFolder(dirname(path))
}

async function createFile(store: LocalStore, path: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
  try {
    await publish(store, path, bytes, 'link')
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
    await publish(store, path, request.bytes, 'rename')
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

/** Opens a file that is not there; makes its folder when that is missing. */
async function openNew(store: LocalStore, path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx')
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
    await makeFolder(dirname(path), store)
    return open(path, 'wx')
  }
}

function temporaryName(store: LocalStore, path: string): string {
  return join(dirname(path), `.${basename(path)}.${store.runtime.uuid()}.tmp`)
}

/** Makes the folder and those above it, each durable in its parent. */
export async function makeFolder(folder: string, store: { readonly fsync: boolean }): Promise<void> {
  const first = await mkdir(resolve(folder), { recursive: true })
  if (first === undefined) return
  for (let made = resolve(folder); made.length >= first.length; made = dirname(made)) {
    if (store.fsync) await syncFolder(dirname(made))
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

/** A writer that keeps what it is given until that is no small file any more: most of those of small commits never are. */
function openLocalWriter(store: LocalStore, path: string, location: string): FileWriter {
  const temporary = temporaryName(store, path)
  let held: Uint8Array[] = []
  let handle: FileHandle | undefined
  let sizeBytes = 0
  let state: 'open' | 'closing' | 'done' = 'open'
  const guardedWhileOpen = async (work: () => Promise<void>): Promise<void> => {
    if (state !== 'open') {
      throw new LakeError('invalid-argument', 'the writer is no longer open', { context: { location } })
    }
    await guarded(location, work)
  }
  const writeHeld = async (): Promise<FileHandle> => {
    handle ??= await openNew(store, temporary)
    const parts = held
    held = []
    if (parts.length > 0) await writeFully(handle, concatBytes(parts))
    return handle
  }
  return {
    get sizeBytes() {
      return sizeBytes
    },
    write: bytes =>
      guardedWhileOpen(async () => {
        if (handle === undefined && sizeBytes + bytes.length <= SMALL_BYTES_MAX) held.push(bytes.slice())
        else await writeFully(await writeHeld(), bytes)
        sizeBytes += bytes.length
      }),
    close: () =>
      guardedWhileOpen(async () => {
        if (handle === undefined) {
          state = 'closing'
          await publish(store, path, concatBytes(held), 'rename')
          state = 'done'
          return
        }
        if (store.fsync) await handle.sync()
        state = 'closing'
        await handle.close()
        await rename(temporary, path)
        state = 'done'
        await syncFolderOf(store, path)
      }),
    async abort() {
      if (state === 'done') return
      if (state === 'open') await handle?.close().catch(() => undefined)
      state = 'done'
      await removeQuietly(temporary)
    },
  }
}
