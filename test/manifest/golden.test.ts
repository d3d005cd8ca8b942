/**
 * Every manifest and manifest list of the golden tables, against what Spark shows of them. The tables committed
 * here, and all others when the shared folder is there.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { currentSnapshot } from '../../src/metadata/lookup.js'
import { fileRow, objectOf, openGolden, readSnapshot, rowsOf, textOf } from './golden.js'

const ROOTS = ['test/interop/spark', '../shared/fixtures/spark']
const folders = ROOTS.filter(existsSync).flatMap(root =>
  readdirSync(root, { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(entry => join(root, entry.name)),
)

describe.each(folders)('the golden table %s', folder => {
  it('gives every manifest of every snapshot, with counts as the list says', async () => {
    const table = await openGolden(folder)
    for (const snapshot of table.metadata.snapshots) {
      const { manifests, entries } = await readSnapshot(table, snapshot)
      manifests.forEach((manifest, index) => {
        const statuses = (entries[index] ?? []).map(({ status }) => status)
        expect({
          addedFilesCount: statuses.filter(status => status === 'added').length,
          existingFilesCount: statuses.filter(status => status === 'existing').length,
          deletedFilesCount: statuses.filter(status => status === 'deleted').length,
        }).toEqual({
          addedFilesCount: manifest.addedFilesCount,
          existingFilesCount: manifest.existingFilesCount,
          deletedFilesCount: manifest.deletedFilesCount,
        })
        expect((entries[index] ?? []).every(({ file }) => (file.content === 'data') === (manifest.content === 'data'))).toBe(true)
      })
    }
  })

  it('gives the files of the current snapshot as Spark shows them', async () => {
    const table = await openGolden(folder)
    const shown = objectOf(table.expected.metadataTables ?? {})
    const snapshot = currentSnapshot(table.metadata)
    if (snapshot === undefined || shown.files === undefined) return
    const { entries } = await readSnapshot(table, snapshot)
    const live = entries.flat().filter(({ status }) => status !== 'deleted')
    const files = new Map(live.map(({ file }) => [`${file.location} ${'contentOffset' in file ? file.contentOffset : ''}`, fileRow(file, table.metadata)]))
    const expectedFiles = rowsOf(shown.files)
    expect(files.size).toBe(expectedFiles.length)
    for (const row of expectedFiles) {
      const file = files.get(`${textOf(row.file_path)} ${row.content_offset ?? ''}`)
      expect(file).toBeDefined()
      for (const [name, value] of Object.entries(row)) {
        if (name === 'readable_metrics') continue
        if (name === 'partition') {
          for (const [field, part] of Object.entries(objectOf(value))) expect([field, objectOf(file?.partition)[field] ?? null]).toEqual([field, part])
        } else expect([name, file?.[name]]).toEqual([name, value])
      }
    }
  })
})
