import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { ContentFile } from '../../src/manifest/content-file.js'
import type { Snapshot } from '../../src/metadata/table-metadata.js'
import { ENGINE, type SummaryInput, summarize } from '../../src/snapshot/summary.js'
import { createTable, createWorld, dataFile, deletionVector, positionDeletes } from './world.js'

const world = await createWorld()
const { metadata } = await createTable(world, { partitioned: true })
const eu = await dataFile(world, 'eu', { rows: 10, partition: ['eu'] })
const us = await dataFile(world, 'us', { rows: 4, partition: ['us'] })
const equalityDeletes: ContentFile = {
  content: 'equality-deletes',
  location: 'memory://lake/e.parquet',
  format: 'parquet',
  specId: 0,
  partition: ['eu'],
  recordCount: 6,
  fileSizeBytes: 30,
  equalityFieldIds: [1],
}

function summary(given: Partial<SummaryInput>): Readonly<Record<string, string>> {
  return summarize({
    metadata,
    operation: 'append',
    parent: undefined,
    addedFiles: [],
    removedFiles: [],
    manifests: { created: 1, kept: 2, replaced: 3 },
    entriesProcessed: 4,
    ...given,
  })
}

function snapshotWith(text: Readonly<Record<string, string>>): Snapshot {
  return { snapshotId: 1n, sequenceNumber: 1n, timestampMs: 1, summary: text }
}

describe('summarize', () => {
  it('counts files, rows and bytes, and carries totals', async () => {
    const first = summary({ addedFiles: [eu, us] })
    expect(first).toEqual({
      'engine-name': 'serac',
      'engine-version': ENGINE.version,
      'added-data-files': '2',
      'added-records': '14',
      'added-files-size': '200',
      'changed-partition-count': '2',
      'manifests-created': '1',
      'manifests-kept': '2',
      'manifests-replaced': '3',
      'entries-processed': '4',
      'total-records': '14',
      'total-files-size': '200',
      'total-data-files': '2',
      'total-delete-files': '0',
      'total-position-deletes': '0',
      'total-equality-deletes': '0',
    })
    const second = summary({
      operation: 'overwrite',
      parent: snapshotWith(first),
      addedFiles: [await positionDeletes(world, 'p', us, 3), equalityDeletes],
      removedFiles: [eu],
    })
    expect(second).toMatchObject({
      'added-delete-files': '2',
      'added-position-delete-files': '1',
      'added-position-deletes': '3',
      'added-equality-delete-files': '1',
      'added-equality-deletes': '6',
      'deleted-data-files': '1',
      'deleted-records': '10',
      'removed-files-size': '100',
      'total-records': '4',
      'total-data-files': '1',
      'total-delete-files': '2',
      'total-position-deletes': '3',
      'total-equality-deletes': '6',
      'total-files-size': '180',
    })
  })

  it('counts a vector as a delete of its own size, not of its puffin file', async () => {
    const vector = await deletionVector(world, 'v', us, { rows: 2 })
    expect(summary({ operation: 'delete', addedFiles: [vector] })).toMatchObject({
      'added-dvs': '1',
      'added-delete-files': '1',
      'added-position-deletes': '2',
      'added-files-size': '40',
    })
    expect(summary({ operation: 'delete', addedFiles: [vector] })).not.toHaveProperty(
      'added-position-delete-files',
    )
  })

  it('leaves out a total that the parent does not carry, or that would be negative', () => {
    const parent = snapshotWith({ 'total-records': '5', 'total-data-files': 'many' })
    const found = summary({ operation: 'delete', parent, removedFiles: [eu] })
    expect(found).not.toHaveProperty('total-records')
    expect(found).not.toHaveProperty('total-data-files')
    expect(found).not.toHaveProperty('total-files-size')
  })

  it('refuses a replace that adds more rows than it removes, as Java does', () => {
    expect(() => summary({ operation: 'replace', addedFiles: [eu], removedFiles: [us] })).toThrow(
      expect.objectContaining({ kind: 'invalid-argument' }),
    )
    expect(summary({ operation: 'replace', addedFiles: [us], removedFiles: [eu] })).toMatchObject({
      'added-records': '4',
      'deleted-records': '10',
    })
  })

  it('tells partitions one by one only up to the limit of the table', () => {
    const limited = { ...metadata, properties: { 'write.summary.partition-limit': '1' } }
    const one = summary({ metadata: limited, addedFiles: [eu] })
    expect(one['partition-summaries-included']).toBe('true')
    expect(one['partitions.region=eu']).toBe('added-files-size=100,added-data-files=1,added-records=10')
    expect(summary({ metadata: limited, addedFiles: [eu, us] })).not.toHaveProperty(
      'partition-summaries-included',
    )
  })

  it('does not let the caller overwrite a counter', () => {
    const extra = { 'added-records': '99', 'total-records': '99', 'serac.stream.a': 'x' }
    const found = summary({ addedFiles: [eu], extra })
    expect(found).toMatchObject({ 'added-records': '10', 'total-records': '10', 'serac.stream.a': 'x' })
  })

  it('names the version of the package', () => {
    const manifest: unknown = JSON.parse(readFileSync('package.json', 'utf8'))
    expect(manifest).toMatchObject(ENGINE)
  })
})
