/**
 * Every manifest list, manifest and deletion vector of the golden tables, against what Spark shows of them: the
 * tables committed here, and all others when the shared folder is there.
 */
import { describe, expect, it } from 'vitest'
import { hexEncode } from '../../src/base/bytes.js'
import type { JsonObject, JsonValue } from '../../src/base/json.js'
import { parseDeletionVector, serializeDeletionVector } from '../../src/format/deletion-vector.js'
import { isDeletionVector, type ManifestEntry } from '../../src/manifest/content-file.js'
import { currentSnapshot } from '../../src/metadata/lookup.js'
import { goldenFolders } from '../reader/golden.js'
import { fileRow, type GoldenTable, objectOf, openGolden, readSnapshot, rowsOf } from './golden.js'

const folders = goldenFolders()

function countsOf(entries: readonly ManifestEntry[]): object {
  const count = (status: string): number => entries.filter(entry => entry.status === status).length
  const rows = (status: string): number =>
    entries.reduce((sum, entry) => sum + (entry.status === status ? entry.file.recordCount : 0), 0)
  return {
    addedFilesCount: count('added'),
    existingFilesCount: count('existing'),
    deletedFilesCount: count('deleted'),
    addedRowsCount: rows('added'),
    existingRowsCount: rows('existing'),
    deletedRowsCount: rows('deleted'),
  }
}

/** A file is named by its location, a deletion vector by its offset too. */
function nameOf(row: JsonObject): string {
  return `${String(row.file_path)} ${String(row.content_offset ?? '')}`
}

/** The columns of `row` that Spark shows; a tuple is widened by the fields of all specs there. */
function asShown(row: JsonObject, shown: JsonObject): JsonObject {
  const columns = Object.keys(shown).filter(name => name !== 'readable_metrics')
  return Object.fromEntries(
    columns.map(name => [name, name === 'partition' ? tuple(row, shown) : (row[name] ?? null)]),
  )
}

function tuple(row: JsonObject, shown: JsonObject): JsonValue {
  const own = objectOf(row.partition)
  return Object.fromEntries(Object.keys(objectOf(shown.partition)).map(name => [name, own[name] ?? null]))
}

async function vectorsOf(
  table: GoldenTable,
): Promise<{ stored: Uint8Array; location: string; cardinality: number }[]> {
  const vectors = new Map<string, { stored: Uint8Array; location: string; cardinality: number }>()
  for (const snapshot of table.metadata.snapshots) {
    const { entries } = await readSnapshot(table, snapshot)
    for (const { file } of entries.flat()) {
      if (!isDeletionVector(file)) continue
      const range = { offset: file.contentOffset ?? 0, lengthBytes: file.contentSizeBytes ?? 0 }
      const stored = await table.io.read(file.location, { range })
      vectors.set(`${file.location} ${range.offset}`, {
        stored,
        location: file.location,
        cardinality: file.recordCount,
      })
    }
  }
  return [...vectors.values()]
}

describe.each(folders)('the golden table $name', ({ folder }) => {
  it('gives the entries of every manifest of every snapshot, as many as its list counts', async () => {
    const table = await openGolden(folder)
    for (const snapshot of table.metadata.snapshots) {
      const { manifests, entries } = await readSnapshot(table, snapshot)
      for (const [index, manifest] of manifests.entries()) {
        const found = entries[index] ?? []
        expect(manifest).toEqual(expect.objectContaining(countsOf(found)))
        expect(found.every(({ file }) => (file.content === 'data') === (manifest.content === 'data'))).toBe(
          true,
        )
      }
    }
  })

  it('gives the files of the current snapshot as Spark shows them', async () => {
    const table = await openGolden(folder)
    const snapshot = currentSnapshot(table.metadata)
    const shown = objectOf(table.expected.metadataTables ?? {})
    if (snapshot === undefined || shown.files === undefined) return
    const { entries } = await readSnapshot(table, snapshot)
    const live = entries.flat().filter(({ status }) => status !== 'deleted')
    const files = new Map(
      live.map(({ file }) => fileRow(file, table.metadata)).map(row => [nameOf(row), row]),
    )
    const expected = rowsOf(shown.files).map(({ readable_metrics: _, ...row }) => row)
    expect(expected.map(row => asShown(files.get(nameOf(row)) ?? {}, row))).toEqual(expected)
    expect(files.size).toBe(expected.length)
  })

  it('gives its deletion vectors, which are written as the same bytes', async () => {
    for (const { stored, location, cardinality } of await vectorsOf(await openGolden(folder))) {
      const set = parseDeletionVector(stored, { location, cardinality })
      expect(hexEncode(serializeDeletionVector(set))).toBe(hexEncode(stored))
    }
  })
})
