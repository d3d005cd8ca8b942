/**
 * From a manifest's location to its unpacked blocks. Blocks come one at a time, so a manifest never stands unpacked
 * in memory as a whole unless the cache keeps it; large files are read into memory that the next one uses again.
 */
import { unzeroedBytes } from '../base/bytes.js'
import { type AvroFile, readAvroContainer } from '../format/avro-container.js'
import { type AvroField, type AvroRecordType, isPlainFixed } from '../format/avro-schema.js'
import type { FileIO, IoOptions } from '../io/file-io.js'
import type { EntryBlock } from './entry-blocks.js'
import { storedPartition } from './entry-layout.js'
import { withEntryIds } from './field-ids.js'
import type { ManifestCache, UnpackedManifest } from './manifest-cache.js'
import type { ManifestFile } from './manifest-file.js'

/** A manifest whose header is read. */
export interface OpenManifest {
  readonly metadata: ReadonlyMap<string, string>
  readonly schema: AvroRecordType
  /** Whether its tuples may be stored in another way than its schema says, see `withPrefixedFixed`. */
  readonly mayPrefixFixed: boolean
  /** Unpacks while it is walked; may be walked again. @throws corrupt */
  blocks(): Iterable<EntryBlock>
}

export interface OpenManifestOptions extends IoOptions {
  readonly cache?: ManifestCache | undefined
}

/**
 * Reads a manifest (one request, none when the cache has it) and hands it to `use`; its blocks must not be used
 * afterwards.
 * @throws corrupt, unsupported when it is encrypted, not-found, denied, unavailable, and what `use` throws
 */
export async function withManifest<T>(
  io: FileIO,
  manifest: ManifestFile,
  options: OpenManifestOptions & { readonly use: (manifest: OpenManifest) => T },
): Promise<T> {
  const held = await holdManifest(io, manifest, options)
  try {
    return options.use(held)
  } finally {
    held.release()
  }
}

/** An open manifest that stands until it is released. */
export interface HeldManifest extends OpenManifest {
  /** Gives its memory to the next; its blocks must not be used afterwards. One that is never released is garbage. */
  release(): void
}

/** As `withManifest`, for users who walk the blocks bit by bit. */
export async function holdManifest(
  io: FileIO,
  manifest: ManifestFile,
  options: OpenManifestOptions,
): Promise<HeldManifest> {
  const { cache, signal } = options
  const kept = cache?.get(manifest)
  if (kept !== undefined) return { ...openUnpacked(kept), release: () => undefined }
  let memory = takeMemory(manifest.lengthBytes)
  const release = (): void => {
    if (memory !== undefined) giveMemory(memory)
    memory = undefined
  }
  try {
    const bytes = await readWhole(io, manifest, { signal, memory })
    return { ...openBytes(bytes, manifest, cache), release }
  } catch (error) {
    release()
    throw error
  }
}

/** A manifest's bytes as an open manifest. */
export function openBytes(
  bytes: Uint8Array,
  manifest: ManifestFile,
  cache?: ManifestCache | undefined,
): OpenManifest {
  const file = readAvroContainer(bytes, { location: manifest.location, schemaOf: withEntryIds })
  return {
    metadata: file.metadata,
    schema: file.schema,
    mayPrefixFixed: hasPlainFixed(file.schema),
    blocks: () => (cache === undefined ? entryBlocks(file) : keptBlocks(file, manifest, cache)),
  }
}

function openUnpacked({ metadata, schema, blocks }: UnpackedManifest): OpenManifest {
  return { metadata, schema, mayPrefixFixed: hasPlainFixed(schema), blocks: () => blocks }
}

function hasPlainFixed(schema: AvroRecordType): boolean {
  const isFixed = ({ type }: AvroField): boolean =>
    type.kind === 'union' ? type.branches.some(isPlainFixed) : isPlainFixed(type)
  return storedPartition(schema)?.fields.some(isFixed) ?? false
}

function* entryBlocks(file: AvroFile): Generator<EntryBlock> {
  for (const block of file.blocks()) {
    yield { bytes: block.bytes, count: block.recordCount }
    block.free()
  }
}

/** The blocks, which the cache is given when all were walked and it has room. */
function* keptBlocks(file: AvroFile, manifest: ManifestFile, cache: ManifestCache): Generator<EntryBlock> {
  let kept: EntryBlock[] | undefined = []
  let sizeBytes = 0
  // Where entries end is known once it is known how they are stored.
  const hasEnds = !hasPlainFixed(file.schema)
  for (const unpacked of file.blocks()) {
    const { bytes, recordCount } = unpacked
    sizeBytes += bytes.length + 4 * Math.min(recordCount, bytes.length)
    if (sizeBytes > cache.sizeBytesMax) kept = undefined
    if (kept === undefined) {
      yield { bytes, count: recordCount }
      unpacked.free()
      continue
    }
    // Memory of its own: a block may be in the file's, or in the larger one it was unpacked into.
    const block: EntryBlock = {
      bytes: bytes.slice(),
      count: recordCount,
      ends: hasEnds ? new Int32Array(Math.min(recordCount, bytes.length)) : undefined,
    }
    unpacked.free()
    kept.push(block)
    yield block
  }
  if (kept !== undefined) {
    cache.put(manifest, { metadata: file.metadata, schema: file.schema, blocks: kept, sizeBytes })
  }
}

// ---------------------------------------------------------------- reading

/** Smaller files are read as they come: two more requests to the file system cost more than their memory. */
const REUSE_BYTES_MIN = 2 ** 18
/** Memory that is kept, all together. */
const REUSE_BYTES_MAX = 2 ** 23

/** Memory that manifests were read into, for the next ones: garbage of this size would be most of what planning needs. */
const memories: Uint8Array[] = []

function takeMemory(lengthBytes: number): Uint8Array | undefined {
  if (lengthBytes < REUSE_BYTES_MIN || lengthBytes >= REUSE_BYTES_MAX) return undefined
  const found = memories.findIndex(memory => memory.length > lengthBytes)
  if (found >= 0) return memories.splice(found, 1)[0]
  return unzeroedBytes(lengthBytes + 1)
}

/** The newest is kept, and older ones as long as there is room. */
function giveMemory(memory: Uint8Array): void {
  memories.unshift(memory)
  let keptBytes = 0
  const kept = memories.findIndex(each => {
    keptBytes += each.length
    return keptBytes > REUSE_BYTES_MAX
  })
  if (kept >= 0) memories.length = kept
}

/** One byte more is asked for than there should be: when it comes, the recorded length is wrong. */
async function readWhole(
  io: FileIO,
  { location, lengthBytes }: ManifestFile,
  options: IoOptions & { readonly memory: Uint8Array | undefined },
): Promise<Uint8Array> {
  const { signal, memory } = options
  if (memory === undefined) return io.read(location, { signal })
  const range = { offset: 0, lengthBytes: lengthBytes + 1 }
  const bytes = await io.read(location, { signal, range, into: memory })
  return bytes.length <= lengthBytes ? bytes : io.read(location, { signal })
}
