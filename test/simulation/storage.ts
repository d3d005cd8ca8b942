/** A file store and how processes reach it. Files that were deleted are remembered, for lists that are behind. */
import { LakeError } from '../../src/base/errors.js'
import type { FileIO, FileStat, FileWriter, IoOptions } from '../../src/io/file-io.js'
import type { Target } from './faults.js'
import { askAgain, type Network, type Process } from './network.js'

interface StoredFile {
  readonly bytes: Uint8Array
  readonly modifiedMs: number
  readonly version: number
  readonly deletedMs?: number
}

export interface Storage {
  /** Files that are there. */
  locations(): readonly string[]
  has(location: string): boolean
  bytes(location: string): Uint8Array | undefined
  /** Without faults, and without time passing. */
  readonly io: FileIO
  /** As a process sees it. `patience`: how often a client asks again that got no answer. */
  ioOf(process: Process, patience: number): FileIO
}

export interface StorageOptions {
  readonly network: Network
  readonly random: () => number
  readonly onWrite: (location: string, by: string | undefined, isReplaced: boolean) => void | Promise<void>
  readonly onDelete: (location: string, by: string | undefined) => void
}

/** A list is behind by this at most. */
const STALE_MS_MAX = 600_000

export function createStorage(options: StorageOptions): Storage {
  const { network, random, onWrite, onDelete } = options
  const { clock } = network
  const files = new Map<string, StoredFile>()
  let version = 0

  const present = (location: string): StoredFile | undefined => {
    const file = files.get(location)
    return file?.deletedMs === undefined ? file : undefined
  }
  const store = async (location: string, bytes: Uint8Array, by: string | undefined): Promise<void> => {
    version += 1
    const isReplaced = present(location) !== undefined
    files.set(location, { bytes, modifiedMs: clock.nowMs(), version })
    await onWrite(location, by, isReplaced)
  }
  const create = async (location: string, bytes: Uint8Array, by: string | undefined) => {
    if (present(location) !== undefined) return 'exists' as const
    await store(location, bytes, by)
    return 'created' as const
  }
  const remove = (location: string, by: string | undefined): void => {
    const file = present(location)
    if (file === undefined) return
    files.set(location, { ...file, bytes: new Uint8Array(0), deletedMs: clock.nowMs() })
    onDelete(location, by)
  }
  const listAt = (prefix: string, atMs: number): readonly FileStat[] => {
    const found: FileStat[] = []
    for (const [location, file] of files) {
      const isThere = file.modifiedMs <= atMs && (file.deletedMs === undefined || file.deletedMs > atMs)
      if (isThere && location.startsWith(prefix)) found.push(statOf(location, file))
    }
    return found
  }

  type Ask = <T>(
    target: Target,
    location: string,
    work: Work<T>,
    isRepeatable?: boolean,
  ) => Promise<Answer<T>>
  const verbs = (ask: Ask): FileIO => ({
    capabilities: { conditionalWrites: true },
    async read(location, { range } = {}) {
      const { bytes } = found((await ask('read', location, () => present(location))).value, location)
      return range === undefined ? bytes : bytes.subarray(range.offset, range.offset + range.lengthBytes)
    },
    async stat(location) {
      const file = found((await ask('stat', location, () => present(location))).value, location)
      return statOf(location, file)
    },
    async write(location, bytes) {
      const copy = bytes.slice()
      await ask(targetOf(location), location, by => store(location, copy, by))
    },
    openWriter: async (location: string, writing?: IoOptions) =>
      bufferedWriter(bytes => verbs(ask).write(location, bytes, writing)),
    async create(location, bytes) {
      const copy = bytes.slice()
      return (await ask('swap', location, by => create(location, copy, by), false)).value
    },
    async replace(location, bytes, { etag }) {
      const copy = bytes.slice()
      const swap = async (by: string | undefined) => {
        if (String(present(location)?.version) !== etag) return 'changed' as const
        await store(location, copy, by)
        return 'replaced' as const
      }
      return (await ask('swap', location, swap, false)).value
    },
    async *list(prefix) {
      const { value, isStale } = await ask('list', prefix, () => listAt(prefix, clock.nowMs()))
      yield* isStale ? listAt(prefix, clock.nowMs() - random() * STALE_MS_MAX) : value
    },
    async *listLevel(prefix) {
      const folders = new Set<string>()
      for await (const file of this.list(prefix)) {
        const end = file.location.indexOf('/', prefix.length)
        if (end < 0) yield { kind: 'file', file }
        else folders.add(file.location.slice(0, end))
      }
      for (const location of folders) yield { kind: 'folder', location }
    },
    async delete(locations) {
      await ask('delete', locations[0] ?? '', by => {
        for (const location of locations) remove(location, by)
      })
      return { deleted: [...locations], failed: [] }
    },
  })

  return {
    locations: () => [...files.keys()].filter(location => present(location) !== undefined),
    has: location => present(location) !== undefined,
    bytes: location => present(location)?.bytes,
    io: verbs(async (_, __, work) => ({ value: await work(undefined), isStale: false })),
    ioOf: (process, patience) =>
      verbs((target, location, work, isRepeatable = true) =>
        askAgain(network, process, { target, location, patience: isRepeatable ? patience : 1, work }),
      ),
  }
}

type Work<T> = (by: string | undefined) => T | Promise<T>

interface Answer<T> {
  readonly value: T
  readonly isStale: boolean
}

function found(file: StoredFile | undefined, location: string): StoredFile {
  if (file !== undefined) return file
  throw new LakeError('not-found', 'the file does not exist', { context: { location } })
}

function statOf(location: string, file: StoredFile): FileStat {
  return { location, sizeBytes: file.bytes.length, modifiedMs: file.modifiedMs, etag: String(file.version) }
}

function targetOf(location: string): Target {
  const name = location.slice(location.lastIndexOf('/') + 1)
  if (name.endsWith('.metadata.json')) return 'write-metadata'
  if (name.startsWith('snap-')) return 'write-list'
  return name.endsWith('.avro') ? 'write-manifest' : 'write-data'
}

function bufferedWriter(publish: (bytes: Uint8Array) => Promise<void>): FileWriter {
  const parts: Uint8Array[] = []
  let sizeBytes = 0
  return {
    get sizeBytes() {
      return sizeBytes
    },
    async write(bytes) {
      parts.push(bytes.slice())
      sizeBytes += bytes.length
    },
    close: () => publish(Buffer.concat(parts)),
    async abort() {
      parts.length = 0
    },
  }
}
