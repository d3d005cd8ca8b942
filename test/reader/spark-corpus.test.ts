/**
 * Golden tables written by Spark and the Iceberg Java library. A table is read exactly as Spark reads it - its
 * current rows, every snapshot and ref, row lineage, filters, counts - or it is refused with `unsupported`.
 * Runs over the committed tables, and over others of the shared folder. Their metadata tables are held by
 * `metadata-tables.test.ts`, their changelogs by `changelog.test.ts`, their manifests by `test/manifest/golden.test.ts`.
 */
import { describe, expect, it } from 'vitest'
import { isLakeError } from '../../src/base/errors.js'
import { currentSchema } from '../../src/metadata/lookup.js'
import { countOf, filterOf, goldenFolders, openGolden, readGolden, scanRows, sortedRows } from './golden.js'

/** Tables of which some part is refused, by what this version does not read. */
const REFUSED: readonly RegExp[] = [/orc/]

/** Filters of Spark that are no Iceberg predicates: arithmetic. */
const NO_PREDICATE = / % \d/

describe('the golden tables', () => {
  it('are all there', () => {
    expect(goldenFolders().length).toBeGreaterThanOrEqual(130)
  })
})

describe.each(goldenFolders())('golden table $name', ({ name, folder }) => {
  const golden = readGolden(folder)
  const mayRefuse = REFUSED.some(pattern => pattern.test(name))

  const equalOrRefused = async (actual: () => Promise<unknown>, expected: unknown): Promise<void> => {
    try {
      expect(await actual()).toEqual(expected)
    } catch (error) {
      if (!mayRefuse || !isLakeError(error, 'unsupported')) throw error
      expect(error.context.location).toMatch(/\.orc$/)
    }
  }

  it('has the rows that Spark reads', async () => {
    const table = await openGolden(golden, folder)
    const expected = sortedRows(golden.current?.rows ?? [])
    await equalOrRefused(() => scanRows(table), expected)
    await equalOrRefused(() => countOf(table), expected.length)
  })

  it('has the rows of older snapshots and refs', async () => {
    const table = await openGolden(golden, folder)
    for (const { snapshot, ref, rows } of golden.asOf ?? []) {
      const selector = ref === undefined ? { snapshotId: BigInt(snapshot ?? '') } : { ref }
      await equalOrRefused(() => scanRows(table, { selector }), sortedRows(rows))
    }
    for (const { id, rows } of golden.snapshots)
      if (rows !== null)
        await equalOrRefused(() => countOf(table, { selector: { snapshotId: BigInt(id) } }), rows)
  })

  it('has the row lineage that Spark reads', async () => {
    if (!golden.lineage) return
    const table = await openGolden(golden, folder)
    const { columns, rows } = golden.lineage
    await equalOrRefused(() => scanRows(table, { select: columns }), sortedRows(rows))
  })

  it('gives the rows of filters, and counts them', async () => {
    const table = await openGolden(golden, folder)
    for (const { sql, rows } of golden.filters ?? []) {
      const filter = filterOf(sql, currentSchema(table.metadata))
      if (filter === undefined) {
        expect(sql, 'a filter that is no predicate').toMatch(NO_PREDICATE)
        continue
      }
      await equalOrRefused(() => scanRows(table, { filter }), sortedRows(rows))
      await equalOrRefused(() => countOf(table, { filter }), rows.length)
    }
  })
})
