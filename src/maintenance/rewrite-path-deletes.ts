/** Delete files of a table that moves: they name data files, so those that are about positions are written again. */
import { present } from '../base/assert.js'
import { mapBounded } from '../base/concurrency.js'
import { LakeError } from '../base/errors.js'
import { type BlobPlace, parsePuffin, puffinBlobBytes, writePuffin } from '../format/puffin.js'
import type { FileIO } from '../io/file-io.js'
import { joinLocation } from '../io/location.js'
import { type ContentFile, isDeletionVector, type PositionDeleteFile } from '../manifest/content-file.js'
import { dataFolder } from '../metadata/properties.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { readPositionDeletes } from '../reader/position-delete-file.js'
import { writePositionDeletesAgain } from '../writer/position-delete-writer.js'

/** What the steps of a move share. */
export interface RewriteContext {
  /** Reads the source. */
  readonly source: FileIO
  /** Writes what will be at the locations that it is told; where they wait until then is its own affair. */
  readonly target: FileIO
  readonly metadata: TableMetadata
  /** The location of the same thing under the new root. @throws invalid-argument for one that is not below the old */
  readonly moved: (location: string) => string
  readonly uuid: string
  readonly signal: AbortSignal | undefined
}

export interface RewrittenDeletes {
  /** The delete file in place of one that was written again; undefined for files that stay as they are. */
  of(file: ContentFile): PositionDeleteFile | undefined
}

const FILES_AT_ONCE = 4
const REFERENCED_DATA_FILE = 'referenced-data-file'

interface WrittenAgain {
  readonly file: PositionDeleteFile
  /** Of a Puffin file: where a blob stands that stood at an offset. */
  readonly places?: ReadonlyMap<number, BlobPlace>
}

/** Writes the position delete files and vectors among the live files again. */
export async function rewriteDeletes(
  context: RewriteContext,
  live: readonly ContentFile[],
): Promise<RewrittenDeletes> {
  const positions = live.filter(file => file.content === 'position-deletes')
  const byLocation = new Map(positions.map(file => [file.location, file]))
  const write = (file: PositionDeleteFile, index: number): Promise<WrittenAgain> =>
    isDeletionVector(file) ? movedPuffin(context, file, index) : movedPositions(context, file, index)
  const files = [...byLocation.values()]
  const again = await mapBounded(files, write, { limit: FILES_AT_ONCE, signal: context.signal })
  const written = new Map(files.map((file, index) => [file.location, again[index]]))
  return {
    of(file) {
      if (file.content !== 'position-deletes') return undefined
      const found = written.get(file.location)
      if (found?.places === undefined) return found?.file
      // Each vector has its own place in the file.
      const { location, fileSizeBytes } = found.file
      return {
        ...file,
        ...movedReference(context, file),
        ...movedPlace(file, found.places),
        location,
        fileSizeBytes,
      }
    },
  }
}

function movedPlace(
  { location, contentOffset }: PositionDeleteFile,
  places: ReadonlyMap<number, BlobPlace>,
): Pick<PositionDeleteFile, 'contentOffset' | 'contentSizeBytes'> {
  const place = contentOffset === undefined ? undefined : places.get(contentOffset)
  if (place !== undefined) return { contentOffset: place.offset, contentSizeBytes: place.lengthBytes }
  throw new LakeError('corrupt', 'a deletion vector is at no blob of its file', { context: { location } })
}

function newName({ metadata, moved, uuid }: RewriteContext, index: number, extension: string): string {
  return joinLocation(moved(dataFolder(metadata)), `${uuid}-deletes-${index}.${extension}`)
}

function movedReference(
  { moved }: RewriteContext,
  { referencedDataFile }: PositionDeleteFile,
): Pick<PositionDeleteFile, 'referencedDataFile'> {
  return referencedDataFile === undefined ? {} : { referencedDataFile: moved(referencedDataFile) }
}

async function movedPositions(
  context: RewriteContext,
  file: PositionDeleteFile,
  index: number,
): Promise<WrittenAgain> {
  const { source, target, metadata, moved, signal } = context
  const positions = await readPositionDeletes(source, file, { signal })
  const written = await writePositionDeletesAgain(target, file, {
    location: newName(context, index, 'parquet'),
    positions: new Map([...positions].map(([path, set]) => [moved(path), set])),
    metadata,
    signal,
  })
  return { file: { ...written, ...movedReference(context, file) } }
}

/** The footer names the data files. */
async function movedPuffin(
  context: RewriteContext,
  file: PositionDeleteFile,
  index: number,
): Promise<WrittenAgain> {
  const { source, target, moved, signal } = context
  const { location: from } = file
  const bytes = await source.read(from, { signal })
  const puffin = parsePuffin(bytes, { location: from })
  const again = writePuffin(
    puffin.blobs.map(({ properties, ...blob }) => {
      const dataFile = properties[REFERENCED_DATA_FILE]
      const named = dataFile === undefined ? {} : { [REFERENCED_DATA_FILE]: moved(dataFile) }
      return {
        ...blob,
        properties: { ...properties, ...named },
        bytes: puffinBlobBytes(bytes, { ...blob, properties }, { location: from }),
      }
    }),
    { properties: puffin.properties },
  )
  const location = newName(context, index, 'puffin')
  await target.write(location, again.bytes, { signal })
  const places = puffin.blobs.map(
    ({ offset }, at) => [offset, present(again.blobs[at], 'the place of a blob')] as const,
  )
  return { file: { ...file, location, fileSizeBytes: again.bytes.length }, places: new Map(places) }
}
