/**
 * The blocks of an Avro object container file, read forwards in ranges of a few MiB.
 *
 *     "Obj" 01  metadata map (texts and bytes)  sync marker (16)
 *     { row count  block length  block (compressed)  sync marker }*
 *
 * A file is read to its end, whatever size somebody stated for it: some writers state one that is too small, and the
 * rows behind it are rows. The stated size only saves the request that would find nothing more.
 * @see Avro spec, "Object Container Files"
 */
import { concatBytes, equalBytes, utf8Decode } from '../../base/bytes.js'
import { checkSignal, LakeError } from '../../base/errors.js'
import type { FileIO } from '../../io/file-io.js'
import { AVRO_MAGIC, AVRO_SYNC_BYTES, checkAvroMagic } from '../avro-blocks.js'
import { readLong } from '../avro-skip.js'

/** Bytes of a request. */
const RANGE_BYTES: number = 4 * 1024 * 1024
/** The longest block; Java's writer closes one at 64 KB or behind the row that exceeds it. */
const BLOCK_BYTES_MAX: number = 2 ** 30
const HEADER_ENTRY_BYTES_MAX: number = 2 ** 26
const VARINT_BYTES_MAX = 10

export interface FileSource {
  readonly io: FileIO
  readonly location: string
  /** The size of the file as somebody stated it. */
  readonly sizeBytes?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** A block as it is stored. */
export interface StoredBlock {
  readonly rowCount: number
  readonly bytes: Uint8Array
}

export interface BlockStream {
  /** The header's entries, `avro.schema` and `avro.codec` included. */
  readonly metadata: ReadonlyMap<string, string>
  /**
   * The blocks in order, from the first each time; unless it is told not to, the next range is fetched before it is
   * asked for, from the third on.
   * @throws corrupt, unavailable
   */
  blocks(options?: {
    readonly readsAhead?: boolean | undefined
  }): AsyncGenerator<StoredBlock, void, undefined>
}

/**
 * Reads the header. What came with it is kept, so a small file costs one request.
 * @throws corrupt when it is broken; unsupported for an encrypted file
 */
export async function openBlockStream(source: FileSource): Promise<BlockStream> {
  const reader = new ForwardReader(source)
  checkAvroMagic(await reader.take(AVRO_MAGIC.length))
  const metadata = await readMetadata(reader)
  const sync = await reader.take(AVRO_SYNC_BYTES)
  const behindHeader = reader.state()
  return {
    metadata,
    blocks: ({ readsAhead = true } = {}) => {
      const state = { ...behindHeader, readsAhead }
      return readBlocks(new ForwardReader(source, state), sync)
    },
  }
}

async function readMetadata(reader: ForwardReader): Promise<ReadonlyMap<string, string>> {
  const metadata = new Map<string, string>()
  for (let count = await reader.long(); count !== 0; count = await reader.long()) {
    if (count < 0) await reader.long()
    for (let left = Math.abs(count); left > 0; left--) {
      const key = await readText(reader)
      metadata.set(key, await readText(reader))
    }
  }
  return metadata
}

async function readText(reader: ForwardReader): Promise<string> {
  const lengthBytes = await reader.long()
  if (lengthBytes > HEADER_ENTRY_BYTES_MAX) throw cutShort()
  const bytes = await reader.take(lengthBytes)
  try {
    return utf8Decode(bytes)
  } catch (cause) {
    throw new LakeError('corrupt', 'the avro header is not text', { cause })
  }
}

async function* readBlocks(
  reader: ForwardReader,
  sync: Uint8Array,
): AsyncGenerator<StoredBlock, void, undefined> {
  while (await reader.hasMore()) {
    const rowCount = await reader.long()
    const lengthBytes = await reader.long()
    if (rowCount < 0 || rowCount > Number.MAX_SAFE_INTEGER)
      throw new LakeError('corrupt', 'an avro block has an impossible count')
    if (lengthBytes > BLOCK_BYTES_MAX) throw cutShort()
    const bytes = await reader.take(lengthBytes)
    if (!equalBytes(await reader.take(AVRO_SYNC_BYTES), sync))
      throw new LakeError('corrupt', 'the sync marker of an avro block is wrong')
    yield { rowCount, bytes }
  }
}

function cutShort(): LakeError {
  return new LakeError('corrupt', 'the avro file is cut short')
}

/** Where a reader stands. */
interface ReaderState {
  readonly bytes: Uint8Array
  readonly at: number
  readonly nextOffset: number
  readonly isEnded: boolean
  readonly readsAhead: boolean
}

/** A request under way. */
interface PendingRange {
  /** What was asked for. */
  readonly lengthBytes: number
  readonly bytes: Promise<Uint8Array>
}

const START: ReaderState = {
  bytes: new Uint8Array(0),
  at: 0,
  nextOffset: 0,
  isEnded: false,
  readsAhead: false,
}

/** Reads a file from its beginning on. */
class ForwardReader {
  readonly #source: FileSource
  /** What was read and not taken: from `at` on. Never changed, so that what was taken stays. */
  bytes: Uint8Array
  at: number
  /** Where the next request begins. */
  #nextOffset: number
  /** The last request gave less than was asked for. */
  #isEnded: boolean
  readonly #readsAhead: boolean
  #ahead: PendingRange | undefined

  constructor(source: FileSource, state: ReaderState = START) {
    this.#source = source
    this.bytes = state.bytes
    this.at = state.at
    this.#nextOffset = state.nextOffset
    this.#isEnded = state.isEnded
    this.#readsAhead = state.readsAhead
  }

  state(): ReaderState {
    return {
      bytes: this.bytes,
      at: this.at,
      nextOffset: this.#nextOffset,
      isEnded: this.#isEnded,
      readsAhead: this.#readsAhead,
    }
  }

  async hasMore(): Promise<boolean> {
    return this.at < this.bytes.length || (await this.#fill(1))
  }

  async long(): Promise<number> {
    if (this.bytes.length - this.at < VARINT_BYTES_MAX) await this.#fill(VARINT_BYTES_MAX)
    return readLong(this)
  }

  /** The next bytes, exactly so many. @throws corrupt when the file has less */
  async take(count: number): Promise<Uint8Array> {
    if (count < 0 || (this.bytes.length - this.at < count && !(await this.#fill(count)))) throw cutShort()
    this.at += count
    return this.bytes.subarray(this.at - count, this.at)
  }

  /** Whether so many bytes are there. */
  async #fill(count: number): Promise<boolean> {
    const parts = [this.bytes.subarray(this.at)]
    let held = this.bytes.length - this.at
    while (held < count && !this.#isEnded) {
      const part = await this.#nextRange(count - held)
      parts.push(part)
      held += part.length
    }
    this.bytes = held === parts[0]?.length ? parts[0] : concatBytes(parts)
    this.at = 0
    return held >= count
  }

  async #nextRange(bytesMin: number): Promise<Uint8Array> {
    checkSignal(this.#source.signal)
    const pending = this.#ahead ?? this.#request(bytesMin)
    this.#ahead = undefined
    const bytes = await pending.bytes
    this.#nextOffset += bytes.length
    this.#isEnded = bytes.length < pending.lengthBytes
    if (this.#readsAhead && !this.#isEnded) {
      this.#ahead = this.#request(0)
      // A failure is thrown where the bytes are awaited, even if that never happens.
      this.#ahead.bytes.catch(() => undefined)
    }
    return bytes
  }

  /** How many bytes the next request asks for: one more than there are, when the end is near. */
  #askFor(bytesMin: number): number {
    const left = (this.#source.sizeBytes ?? 0) - this.#nextOffset
    if (left > 0 && left <= RANGE_BYTES && left >= bytesMin) return left + 1
    return Math.max(RANGE_BYTES, bytesMin)
  }

  #request(bytesMin: number): PendingRange {
    const { io, location, signal } = this.#source
    const range = { offset: this.#nextOffset, lengthBytes: this.#askFor(bytesMin) }
    return { lengthBytes: range.lengthBytes, bytes: io.read(location, { range, signal }) }
  }
}
