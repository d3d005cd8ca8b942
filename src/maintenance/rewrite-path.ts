/**
 * Moving a table: the same snapshots, files and numbers under another root.
 *
 * ```
 *   data, equality deletes, statistics     copied as they are
 *   position deletes, deletion vectors     name data files: written again
 *   manifests, lists, metadata             written again, under new names
 * ```
 *
 * Files are written under the locations that they will have, or below a staging folder from where somebody copies them
 * with a list of pairs that is written beside them. Nothing of the source is changed, and nothing that is there already
 * is overwritten: what is written again has new names. The new table begins with an empty metadata log, and is one that
 * has to be registered; both tables may be read, and only one of them should be written from then on.
 */
import { present } from '../base/assert.js'
import { utf8Encode } from '../base/bytes.js'
import { mapBounded } from '../base/concurrency.js'
import { LakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { FileIO } from '../io/file-io.js'
import { comparableLocation, joinLocation, trimTrailingSlash } from '../io/location.js'
import { renamedIO } from '../io/relocated.js'
import type { ContentFile, ManifestEntry } from '../manifest/content-file.js'
import { checkManifestUnencrypted, isLive, manifestTerms } from '../manifest/live-entries.js'
import type { ManifestFile } from '../manifest/manifest-file.js'
import { readManifestList } from '../manifest/manifest-list-read.js'
import { writeManifestList } from '../manifest/manifest-list-write.js'
import { readManifest } from '../manifest/manifest-read.js'
import type { WrittenFormatVersion } from '../manifest/manifest-schema.js'
import { type ManifestEntryToWrite, writeManifest } from '../manifest/manifest-write.js'
import { currentSchema, specById } from '../metadata/lookup.js'
import { newMetadataLocation, writeTableMetadata } from '../metadata/metadata-file.js'
import { metadataFolder } from '../metadata/properties.js'
import type { Snapshot, TableMetadata } from '../metadata/table-metadata.js'
import { type CopyPair, copyFiles } from './copy-files.js'
import { type RewriteContext, type RewrittenDeletes, rewriteDeletes } from './rewrite-path-deletes.js'

export interface RewritePathOptions {
  readonly io: FileIO
  readonly runtime: Runtime
  /** The root that every location of the table is below. */
  readonly from: string
  readonly to: string
  /** Where what is written again waits to be copied; undefined: everything is written and copied to its place. */
  readonly staging?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface RewritePathReport {
  /** The metadata file to register, at its new place. */
  readonly metadataLocation: string
  /** What is to be copied, or was: every file of the new table but those that are at their place already. */
  readonly files: readonly CopyPair[]
  /** With a staging folder: the list of pairs as lines of `source,target`. */
  readonly fileList?: string
  /** Manifests, lists, delete files and metadata that were written again. */
  readonly rewrittenFiles: number
  readonly copiedFiles: number
  readonly copiedBytes: number
}

const MANIFESTS_AT_ONCE = 4

/**
 * Writes a table again under another root, with all its snapshots.
 * @throws invalid-argument when a file of the table is not below `from`; unsupported for v1 tables and encrypted ones;
 * corrupt, not-found, denied, unavailable: the source is as it was, and what was written so far is named by nothing
 */
export async function rewriteTablePath(
  table: { readonly metadata: TableMetadata; readonly metadataLocation: string },
  options: RewritePathOptions,
): Promise<RewritePathReport> {
  const { io, runtime, staging, signal } = options
  const { metadata } = table
  if (metadata.formatVersion === 1)
    throw new LakeError('unsupported', 'a table of format version 1 is upgraded before it is moved')
  const moved = movedBy(options)
  const written: string[] = []
  const target = recording(
    staging === undefined ? io : renamedIO(io, location => staged(location, options)),
    written,
  )
  const context = { source: io, target, metadata, moved, uuid: runtime.uuid(), signal }
  const manifests = await readManifests(context)
  const deletes = await rewriteDeletes(context, liveFiles(manifests.values()))
  const rewritten = await rewriteManifests(context, { manifests, deletes })
  const snapshots: Snapshot[] = []
  for (const snapshot of metadata.snapshots) snapshots.push(await rewriteList(context, snapshot, rewritten))
  const metadataLocation = await writeMovedMetadata(context, { ...table, snapshots })
  const asTheyAre = copiedAsTheyAre(context, liveFiles(manifests.values()), deletes)
  const own = written.map(location => ({ source: staged(location, options), target: location }))
  if (staging === undefined) {
    const copied = await copyFiles(io, asTheyAre, { signal })
    return { metadataLocation, files: asTheyAre, rewrittenFiles: written.length, ...copied }
  }
  const files = [...own, ...asTheyAre]
  const fileList = joinLocation(staging, 'file-list.csv')
  await io.write(fileList, utf8Encode(files.map(pair => `${pair.source},${pair.target}\n`).join('')), {
    signal,
  })
  return { metadataLocation, files, fileList, rewrittenFiles: written.length, copiedFiles: 0, copiedBytes: 0 }
}

function movedBy({ from, to }: RewritePathOptions): (location: string) => string {
  const root = comparableLocation(trimTrailingSlash(from))
  const place = trimTrailingSlash(to)
  return location => {
    const compared = comparableLocation(location)
    if (compared === root) return place
    if (compared.startsWith(`${root}/`)) return `${place}${compared.slice(root.length)}`
    throw new LakeError('invalid-argument', 'a file of the table is not below the root that is moved', {
      context: { location, from },
    })
  }
}

function staged(location: string, { to, staging }: RewritePathOptions): string {
  return staging === undefined
    ? location
    : joinLocation(staging, location.slice(trimTrailingSlash(to).length + 1))
}

/** Notes what is written. */
function recording(inner: FileIO, written: string[]): FileIO {
  return {
    ...inner,
    write: (location, bytes, options) => {
      written.push(location)
      return inner.write(location, bytes, options)
    },
    openWriter: (location, options) => {
      written.push(location)
      return inner.openWriter(location, options)
    },
  }
}

// ---- manifests

interface ReadManifest {
  readonly manifest: ManifestFile
  readonly entries: readonly ManifestEntry[]
}

/** By location: several snapshots share a manifest. */
async function readManifests(context: RewriteContext): Promise<ReadonlyMap<string, ReadManifest>> {
  const { source, metadata, signal } = context
  const found = new Map<string, ManifestFile>()
  for (const snapshot of metadata.snapshots)
    for (const manifest of await readManifestList(source, snapshot, { signal }))
      found.set(manifest.location, manifest)
  const terms = manifestTerms(metadata, currentSchema(metadata))
  const read = async (manifest: ManifestFile): Promise<ReadManifest> => {
    checkManifestUnencrypted(manifest)
    // Row ids that the list gives are given by the new list again.
    const { firstRowId: _given, ...own } = manifest
    return { manifest, entries: await readManifest(source, own, { ...terms, signal }) }
  }
  const all = await mapBounded([...found.values()], read, { limit: MANIFESTS_AT_ONCE, signal })
  return new Map(all.map(each => [each.manifest.location, each]))
}

function liveFiles(manifests: Iterable<ReadManifest>): readonly ContentFile[] {
  const files = new Map<string, ContentFile>()
  for (const { entries } of manifests)
    for (const { status, file } of entries) {
      // Several vectors share a file.
      const place = file.content === 'position-deletes' ? (file.contentOffset ?? '') : ''
      if (isLive(status)) files.set(`${file.location} ${place}`, file)
    }
  return [...files.values()]
}

interface Rewritten {
  readonly location: string
  readonly lengthBytes: number
}

async function rewriteManifests(
  context: RewriteContext,
  {
    manifests,
    deletes,
  }: { readonly manifests: ReadonlyMap<string, ReadManifest>; readonly deletes: RewrittenDeletes },
): Promise<ReadonlyMap<string, Rewritten>> {
  const { target, metadata, moved, uuid, signal } = context
  const folder = moved(metadataFolder(metadata))
  const write = async ({ manifest, entries }: ReadManifest, index: number): Promise<[string, Rewritten]> => {
    const location = joinLocation(folder, `${uuid}-m${index}.avro`)
    const { lengthBytes } = await writeManifest(target, location, {
      entries: entries.map(entry => movedEntry(context, { entry, manifest, deletes })),
      spec: present(specById(metadata, manifest.specId), 'the spec of a manifest'),
      schema: currentSchema(metadata),
      schemas: metadata.schemas,
      content: manifest.content,
      formatVersion: versionOf(metadata),
      snapshotId: manifest.addedSnapshotId,
      signal,
    })
    return [manifest.location, { location, lengthBytes }]
  }
  return new Map(await mapBounded([...manifests.values()], write, { limit: MANIFESTS_AT_ONCE, signal }))
}

function movedEntry(
  { moved }: RewriteContext,
  of: { readonly entry: ManifestEntry; readonly manifest: ManifestFile; readonly deletes: RewrittenDeletes },
): ManifestEntryToWrite {
  const { entry, manifest, deletes } = of
  const file = deletes.of(entry.file) ?? { ...entry.file, location: moved(entry.file.location) }
  if (entry.status !== 'added') return { ...entry, status: entry.status, file }
  const inherits = entry.dataSequenceNumber === manifest.sequenceNumber
  return {
    status: 'added',
    snapshotId: entry.snapshotId,
    dataSequenceNumber: inherits ? undefined : entry.dataSequenceNumber,
    file,
  }
}

function versionOf({ formatVersion }: TableMetadata): WrittenFormatVersion {
  return formatVersion === 3 ? 3 : 2
}

async function rewriteList(
  context: RewriteContext,
  snapshot: Snapshot,
  rewritten: ReadonlyMap<string, Rewritten>,
): Promise<Snapshot> {
  const { source, target, metadata, moved, uuid, signal } = context
  const { snapshotId, parentSnapshotId, sequenceNumber, firstRowId } = snapshot
  const manifests = (await readManifestList(source, snapshot, { signal })).map(manifest => ({
    ...manifest,
    ...present(rewritten.get(manifest.location), 'a manifest that was written again'),
  }))
  const manifestList = joinLocation(moved(metadataFolder(metadata)), `snap-${snapshotId}-1-${uuid}.avro`)
  await writeManifestList(target, manifestList, manifests, {
    // Snapshots from before an upgrade have no row ids.
    formatVersion: firstRowId === undefined ? 2 : versionOf(metadata),
    snapshotId,
    parentSnapshotId,
    sequenceNumber,
    firstRowId,
    signal,
  })
  return { ...snapshot, manifestList }
}

// ---- metadata

async function writeMovedMetadata(
  context: RewriteContext,
  table: { readonly metadataLocation: string; readonly snapshots: readonly Snapshot[] },
): Promise<string> {
  const { target, metadata, moved, uuid, signal } = context
  const after: TableMetadata = {
    ...metadata,
    location: moved(metadata.location),
    properties: movedProperties(context),
    snapshots: table.snapshots,
    statistics: metadata.statistics.map(file => ({ ...file, statisticsPath: moved(file.statisticsPath) })),
    partitionStatistics: metadata.partitionStatistics.map(file => ({
      ...file,
      statisticsPath: moved(file.statisticsPath),
    })),
    metadataLog: [],
  }
  const location = newMetadataLocation(after, { previousLocation: table.metadataLocation, uuid })
  await writeTableMetadata(target, after, { location, signal })
  return location
}

/** Properties that name folders of the table. */
const FOLDERS = [
  'write.data.path',
  'write.metadata.path',
  'write.folder-storage.path',
  'write.object-storage.path',
]

function movedProperties({ metadata, moved }: RewriteContext): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(metadata.properties).map(([key, value]) => [
      key,
      FOLDERS.includes(key) ? moved(value) : value,
    ]),
  )
}

function copiedAsTheyAre(
  { metadata, moved }: RewriteContext,
  live: readonly ContentFile[],
  deletes: RewrittenDeletes,
): readonly CopyPair[] {
  const content = live
    .filter(file => deletes.of(file) === undefined)
    .map(file => ({ location: file.location, sizeBytes: file.fileSizeBytes }))
  const statistics = [...metadata.statistics, ...metadata.partitionStatistics].map(file => ({
    location: file.statisticsPath,
    sizeBytes: file.fileSizeBytes,
  }))
  return [...content, ...statistics].map(({ location, sizeBytes }) => ({
    source: location,
    target: moved(location),
    sizeBytes,
  }))
}
