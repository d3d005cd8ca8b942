/**
 * Turns file changes into a snapshot: manifests for what was added, new versions of the manifests that hold what
 * was removed, one manifest list, and the updates and requirements of the commit. Small manifests are merged when
 * there are many (`merge-plan.ts`); every other manifest of the parent is kept as it is. Nothing becomes visible
 * here; a catalog decides that.
 *
 * ```
 * parent's list:  [ m1 ][ m2 ][ m3 ][ d1 ]          removed files are in m2
 * new list:  [ added ][ m1 ][ m2' ][ m3 ][ d1 ]     m2' = m2 with those entries marked deleted
 * ```
 *
 * A retry calls it again on the newer base with the same snapshot id and cache: manifests that are still right
 * are used again, the list is always new.
 * @see Iceberg table spec, "Snapshots", "Row Lineage", "Commit Conflict Resolution and Retry"
 */
import { LakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { FileIO } from '../io/file-io.js'
import { joinLocation } from '../io/location.js'
import type { ManifestFile, NewManifestFile } from '../manifest/manifest-file.js'
import { readManifestList } from '../manifest/manifest-list-read.js'
import { writeManifestList } from '../manifest/manifest-list-write.js'
import { refByName, snapshotById } from '../metadata/lookup.js'
import { checkWritable } from '../metadata/new-table.js'
import { manifestProperties, metadataFolder } from '../metadata/properties.js'
import {
  MAIN_BRANCH,
  type Snapshot,
  type SnapshotRef,
  type TableMetadata,
} from '../metadata/table-metadata.js'
import type { TableRequirement, TableUpdate } from '../metadata/table-update.js'
import { checkWriteProperties } from '../metadata/write-properties.js'
import { checkAddedFiles } from './check-added-files.js'
import type { FileChanges } from './file-changes.js'
import { type ManifestSite, openManifestSite } from './manifest-site.js'
import { writeNextManifests } from './next-manifests.js'
import type { ProduceCache } from './produce-cache.js'
import { summarize } from './summary.js'

export interface ProduceOptions {
  readonly changes: FileChanges
  /** The branch to write; made from main's head when it is missing. Default main. */
  readonly ref?: string | undefined
  /** One id for all attempts of a commit, so that a commit that landed can be recognised. */
  readonly snapshotId: bigint
  /** In the name of every file; one operation writes each table through one cache. */
  readonly operationUuid: string
  /** From 1. */
  readonly attempt: number
  /** Further summary entries. */
  readonly summary?: Readonly<Record<string, string>> | undefined
  readonly runtime: Runtime
  readonly cache: ProduceCache
  /** Small manifests are not merged, whatever the table's properties say: the commit costs as little as it can. */
  readonly fast?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

export interface ProducedSnapshot {
  readonly snapshot: Snapshot
  readonly updates: readonly TableUpdate[]
  readonly requirements: readonly TableRequirement[]
  /** Files of this operation that the snapshot refers to: manifests (reused ones too) and the list. */
  readonly written: readonly string[]
}

/**
 * Writes the manifests and the manifest list of a snapshot on the base's branch. When it fails, it deletes what
 * this call wrote.
 * @throws conflict when a file to be removed is not live, or a data file would get a second deletion vector, or
 * the table was upgraded so that added files no longer fit; invalid-argument for changes that make no sense and
 * for a ref that is a tag; unsupported for tables that may not be written
 */
export async function produceSnapshot(
  base: { readonly metadata: TableMetadata },
  io: FileIO,
  options: ProduceOptions,
): Promise<ProducedSnapshot> {
  const { metadata } = base
  const { changes, runtime, signal } = options
  const branch = branchOf(metadata, options.ref ?? MAIN_BRANCH)
  checkWritable(metadata)
  checkWriteProperties(metadata, 'manifests')
  checkAddedFiles(metadata, changes)

  const site = openManifestSite({ ...options, io, metadata })
  try {
    const before = branch.parent === undefined ? [] : await readManifestList(io, branch.parent, { signal })
    const { attempt } = options
    const next = await writeNextManifests(site, { before, changes, attempt, merging: options.fast !== true })
    const list = await writeList(site, {
      manifests: next.manifests,
      parent: branch.parent,
      attempt,
    })
    const snapshot: Snapshot = {
      snapshotId: options.snapshotId,
      ...(branch.parent === undefined ? {} : { parentSnapshotId: branch.parent.snapshotId }),
      sequenceNumber: list.sequenceNumber,
      timestampMs: timestampAfter(metadata, branch.parent, runtime),
      manifestList: list.location,
      operation: changes.operation,
      summary: summarize({
        metadata,
        operation: changes.operation,
        parent: branch.parent,
        addedFiles: [...changes.addedDataFiles, ...changes.addedDeleteFiles],
        removedFiles: next.removedFiles,
        manifests: {
          created: next.written.length,
          kept: next.manifests.length - next.written.length,
          replaced: next.replacedCount,
        },
        entriesProcessed: next.entriesProcessed,
        extra: options.summary,
      }),
      schemaId: metadata.currentSchemaId,
      ...list.rowIds,
    }
    const written = next.written.map(manifest => manifest.location)
    return {
      snapshot,
      updates: [
        { action: 'add-snapshot', snapshot },
        {
          action: 'set-snapshot-ref',
          refName: branch.name,
          ref: { ...branch.ref, snapshotId: snapshot.snapshotId },
        },
      ],
      requirements: requirementsOf(metadata, branch),
      written: [...written, list.location],
    }
  } catch (error) {
    await site.discard()
    throw error
  }
}

interface Branch {
  readonly name: string
  /** With its retention settings; of a branch to be made: none. */
  readonly ref: Omit<SnapshotRef, 'snapshotId'>
  /** Head that the commit requires; undefined: the ref may not be there. */
  readonly head: bigint | undefined
  readonly parent: Snapshot | undefined
}

function branchOf(metadata: TableMetadata, name: string): Branch {
  const ref = refByName(metadata, name)
  if (ref === undefined) {
    const main = refByName(metadata, MAIN_BRANCH)
    const parent = main === undefined ? undefined : snapshotById(metadata, main.snapshotId)
    return { name, ref: { type: 'branch' }, head: undefined, parent }
  }
  if (ref.type === 'tag') {
    throw new LakeError('invalid-argument', 'a tag cannot be written to', { context: { ref: name } })
  }
  const { snapshotId, ...settings } = ref
  return { name, ref: settings, head: snapshotId, parent: snapshotById(metadata, snapshotId) }
}

function requirementsOf(metadata: TableMetadata, branch: Branch): readonly TableRequirement[] {
  const head: TableRequirement = { type: 'assert-ref-snapshot-id', ref: branch.name, snapshotId: branch.head }
  if (metadata.tableUuid === undefined) return [head]
  return [{ type: 'assert-table-uuid', uuid: metadata.tableUuid }, head]
}

/** Later than everything in the history, or time travel between two snapshots of one millisecond would be chance. */
function timestampAfter(metadata: TableMetadata, parent: Snapshot | undefined, runtime: Runtime): number {
  const least = parent === undefined ? 0 : parent.timestampMs + 1
  return Math.max(runtime.nowMs(), metadata.lastUpdatedMs, least)
}

interface WrittenList {
  readonly location: string
  readonly sequenceNumber: bigint
  readonly rowIds: { readonly firstRowId: bigint; readonly addedRows: bigint } | Record<string, never>
}

async function writeList(
  site: ManifestSite,
  input: {
    readonly manifests: readonly (ManifestFile | NewManifestFile)[]
    readonly parent: Snapshot | undefined
    readonly attempt: number
  },
): Promise<WrittenList> {
  const { metadata, snapshotId, operationUuid } = site
  const name = `snap-${snapshotId}-${input.attempt}-${operationUuid}.avro`
  const location = joinLocation(metadataFolder(metadata), name)
  const sequenceNumber = metadata.lastSequenceNumber + 1n
  const firstRowId = metadata.formatVersion < 3 ? undefined : (metadata.nextRowId ?? 0n)
  site.record(location)
  const { nextRowId } = await writeManifestList(site.io, location, input.manifests, {
    formatVersion: site.formatVersion,
    codec: manifestProperties(metadata).codec,
    snapshotId,
    parentSnapshotId: input.parent?.snapshotId,
    sequenceNumber,
    firstRowId,
    signal: site.signal,
  })
  if (firstRowId === undefined) return { location, sequenceNumber, rowIds: {} }
  return {
    location,
    sequenceNumber,
    rowIds: { firstRowId, addedRows: (nextRowId ?? firstRowId) - firstRowId },
  }
}

export { type FileChanges, operationOf } from './file-changes.js'
export { createProduceCache, type ProduceCache } from './produce-cache.js'
