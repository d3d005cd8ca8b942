import { describe, expect, it } from 'vitest'
import { utf8Encode } from '../../src/base/bytes.js'
import type {
  DataFile,
  EntryStatus,
  EqualityDeleteFile,
  PositionDeleteFile,
} from '../../src/manifest/content-file.js'
import { buildDeleteIndex, type EntryOf, referencedDataFile } from '../../src/manifest/delete-index.js'
import type { PartitionSpec } from '../../src/schema/partition-spec.js'
import { DELETE_FILE_PATH_FIELD } from '../../src/schema/reserved-fields.js'
import type { PrimitiveType, Schema, Value } from '../../src/schema/types.js'
import { serializeValue } from '../../src/schema/value.js'

const SCHEMA: Schema = {
  schemaId: 0,
  identifierFieldIds: [],
  fields: [
    { id: 1, name: 'id', required: false, type: { kind: 'long' } },
    { id: 2, name: 'region', required: false, type: { kind: 'double' } },
    { id: 3, name: 'score', required: false, type: { kind: 'double' } },
    {
      id: 4,
      name: 'customer',
      required: false,
      type: { kind: 'struct', fields: [{ id: 5, name: 'id', required: false, type: { kind: 'long' } }] },
    },
  ],
}
const SPECS: readonly PartitionSpec[] = [
  { specId: 0, fields: [] },
  { specId: 1, fields: [{ sourceId: 2, fieldId: 1000, name: 'region', transform: { kind: 'identity' } }] },
  { specId: 2, fields: [{ sourceId: 2, fieldId: 1000, name: 'region', transform: { kind: 'void' } }] },
]
const METADATA = { schemas: [SCHEMA], partitionSpecs: SPECS }

interface Given {
  readonly sequence: number
  readonly specId?: number
  readonly partition?: readonly Value[]
  readonly status?: EntryStatus
}

const common = (location: string, given: Given) => ({
  location,
  format: 'parquet' as const,
  specId: given.specId ?? 0,
  partition: given.partition ?? [],
  recordCount: 10,
  fileSizeBytes: 100,
})
const entry = <F>(file: F, given: Given) => ({
  status: given.status ?? ('added' as const),
  snapshotId: 1n,
  dataSequenceNumber: BigInt(given.sequence),
  fileSequenceNumber: BigInt(given.sequence),
  file,
})
const data = (location: string, given: Given, extra: Partial<DataFile> = {}): EntryOf<DataFile> =>
  entry({ ...common(location, given), content: 'data' as const, ...extra }, given)
const position = (
  location: string,
  given: Given,
  extra: Partial<PositionDeleteFile> = {},
): EntryOf<PositionDeleteFile> =>
  entry({ ...common(location, given), content: 'position-deletes' as const, ...extra }, given)
const equality = (
  location: string,
  given: Given,
  extra: Partial<EqualityDeleteFile> = {},
): EntryOf<EqualityDeleteFile> =>
  entry(
    { ...common(location, given), content: 'equality-deletes' as const, equalityFieldIds: [1], ...extra },
    given,
  )
const vector = (path: string, given: Given): EntryOf<PositionDeleteFile> =>
  position(`${path}.puffin`, given, {
    format: 'puffin',
    referencedDataFile: path,
    contentOffset: 4,
    contentSizeBytes: 40,
  })

const pathBounds = (lower: string, upper: string): Partial<PositionDeleteFile> => ({
  lowerBounds: new Map([[DELETE_FILE_PATH_FIELD.id, utf8Encode(lower)]]),
  upperBounds: new Map([[DELETE_FILE_PATH_FIELD.id, utf8Encode(upper)]]),
})

function statistics(
  id: number,
  type: PrimitiveType,
  given: { lower?: Value; upper?: Value; nulls?: number; nans?: number; values?: number },
): Partial<EqualityDeleteFile> & Partial<DataFile> {
  return {
    valueCounts: new Map([[id, given.values ?? 10]]),
    ...(given.nulls === undefined ? {} : { nullValueCounts: new Map([[id, given.nulls]]) }),
    ...(given.nans === undefined ? {} : { nanValueCounts: new Map([[id, given.nans]]) }),
    ...(given.lower === undefined ? {} : { lowerBounds: new Map([[id, serializeValue(type, given.lower)]]) }),
    ...(given.upper === undefined ? {} : { upperBounds: new Map([[id, serializeValue(type, given.upper)]]) }),
  }
}

const names = (entries: readonly { readonly file: { readonly location: string } }[]): string[] =>
  entries.map(each => each.file.location)

describe('delete index: sequence numbers', () => {
  it('lets a position delete reach data of the same or a lower sequence number', () => {
    const index = buildDeleteIndex([position('p3', { sequence: 3 })], METADATA)
    expect(names(index.forDataFile(data('d', { sequence: 3 })).positionDeletes)).toEqual(['p3'])
    expect(names(index.forDataFile(data('d', { sequence: 4 })).positionDeletes)).toEqual([])
  })

  it('lets an equality delete reach data of a lower sequence number only', () => {
    const index = buildDeleteIndex([equality('e3', { sequence: 3 })], METADATA)
    expect(names(index.forDataFile(data('d', { sequence: 2 })).equalityDeletes)).toEqual(['e3'])
    expect(names(index.forDataFile(data('d', { sequence: 3 })).equalityDeletes)).toEqual([])
  })

  it('passes over removed delete files', () => {
    const index = buildDeleteIndex([equality('e3', { sequence: 3, status: 'deleted' })], METADATA)
    expect(index.fileCount).toBe(0)
    expect(names(index.forDataFile(data('d', { sequence: 1 })).equalityDeletes)).toEqual([])
  })

  it('gives deletes in the order of sequence numbers', () => {
    const index = buildDeleteIndex(
      [5, 2, 4].map(sequence => equality(`e${sequence}`, { sequence })),
      METADATA,
    )
    expect(names(index.forDataFile(data('d', { sequence: 2 })).equalityDeletes)).toEqual(['e4', 'e5'])
  })
})

describe('delete index: scope', () => {
  it('keeps equality deletes of a partitioned spec to their own spec and partition', () => {
    const index = buildDeleteIndex([equality('e', { sequence: 9, specId: 1, partition: [1] })], METADATA)
    const reached = (specId: number, partition: readonly Value[]) =>
      index.forDataFile(data('d', { sequence: 1, specId, partition })).equalityDeletes.length
    expect(reached(1, [1])).toBe(1)
    expect(reached(1, [2])).toBe(0)
    expect(reached(1, [null])).toBe(0)
    expect(reached(0, [])).toBe(0)
  })

  it('makes equality deletes of unpartitioned and all-void specs global', () => {
    const index = buildDeleteIndex(
      [
        equality('none', { sequence: 9, specId: 0 }),
        equality('void', { sequence: 9, specId: 2, partition: [null] }),
      ],
      METADATA,
    )
    const file = data('d', { sequence: 1, specId: 1, partition: [1] })
    expect(names(index.forDataFile(file).equalityDeletes)).toEqual(['none', 'void'])
  })

  it('holds -0.0 and 0.0 for different partitions and NaN for one', () => {
    const index = buildDeleteIndex(
      [0, Number.NaN].map(value => equality(`e${value}`, { sequence: 9, specId: 1, partition: [value] })),
      METADATA,
    )
    const reached = (value: number) =>
      names(index.forDataFile(data('d', { sequence: 1, specId: 1, partition: [value] })).equalityDeletes)
    expect(reached(-0)).toEqual([])
    expect(reached(0)).toEqual(['e0'])
    expect(reached(Number.NaN)).toEqual(['eNaN'])
  })

  it('keeps a position delete that names a file to it, by entry or by equal bounds', () => {
    const named = position('p1', { sequence: 9 }, { referencedDataFile: 's3://b/a' })
    const bounded = position('p2', { sequence: 9 }, pathBounds('s3://b/c', 's3://b/c'))
    expect(referencedDataFile(bounded.file)).toBe('s3://b/c')
    const index = buildDeleteIndex([named, bounded], METADATA)
    const reached = (path: string) => names(index.forDataFile(data(path, { sequence: 1 })).positionDeletes)
    expect(reached('s3://b/a')).toEqual(['p1'])
    expect(reached('s3://b/c')).toEqual(['p2'])
    expect(reached('s3a://b/a')).toEqual([])
  })

  it('leaves out position deletes whose path bounds exclude the file', () => {
    const index = buildDeleteIndex([position('p', { sequence: 9 }, pathBounds('b', 'd'))], METADATA)
    const reached = (path: string) => index.forDataFile(data(path, { sequence: 1 })).positionDeletes.length
    expect(['a', 'b', 'c', 'd', 'e'].map(reached)).toEqual([0, 1, 1, 1, 0])
  })
})

describe('delete index: deletion vectors', () => {
  it('replace the position deletes of their file, equality deletes still apply', () => {
    const index = buildDeleteIndex(
      [vector('d', { sequence: 3 }), position('p', { sequence: 2 }), equality('e', { sequence: 2 })],
      METADATA,
    )
    const found = index.forDataFile(data('d', { sequence: 1 }))
    expect(found.vector?.file.location).toBe('d.puffin')
    expect(found.positionDeletes).toEqual([])
    expect(names(found.equalityDeletes)).toEqual(['e'])
    expect(names(index.forDataFile(data('other', { sequence: 1 })).positionDeletes)).toEqual(['p'])
  })

  it('are refused when two name one data file', () => {
    expect(() =>
      buildDeleteIndex([vector('d', { sequence: 3 }), vector('d', { sequence: 4 })], METADATA),
    ).toThrow(expect.objectContaining({ kind: 'corrupt' }))
  })

  it('are refused without a data file, offset or size', () => {
    const bare = position('p', { sequence: 1 }, { format: 'puffin', referencedDataFile: 'd' })
    expect(() => buildDeleteIndex([bare], METADATA)).toThrow(expect.objectContaining({ kind: 'corrupt' }))
  })

  it('are refused when older than the data file they name', () => {
    const index = buildDeleteIndex([vector('d', { sequence: 3 })], METADATA)
    expect(() => index.forDataFile(data('d', { sequence: 4 }))).toThrow(
      expect.objectContaining({ kind: 'corrupt' }),
    )
  })
})

describe('delete index: key bounds', () => {
  const long: PrimitiveType = { kind: 'long' }
  const double: PrimitiveType = { kind: 'double' }
  const reaches = (deletes: Partial<EqualityDeleteFile>, file: Partial<DataFile>, key = 1): boolean =>
    buildDeleteIndex(
      [equality('e', { sequence: 9 }, { equalityFieldIds: [key], ...deletes })],
      METADATA,
    ).forDataFile(data('d', { sequence: 1 }, file)).equalityDeletes.length === 1

  it('leave out deletes whose keys lie outside the keys of the file', () => {
    const keys = statistics(1, long, { lower: 10n, upper: 20n, nulls: 0 })
    expect(reaches(keys, statistics(1, long, { lower: 20n, upper: 30n, nulls: 0 }))).toBe(true)
    expect(reaches(keys, statistics(1, long, { lower: 21n, upper: 30n, nulls: 0 }))).toBe(false)
    expect(reaches(keys, statistics(1, long, { lower: 1n, upper: 9n, nulls: 0 }))).toBe(false)
  })

  it('do not speak for nulls: both sides with nulls, or unknown, meet', () => {
    const keys = (nulls?: number) =>
      statistics(1, long, { lower: 10n, upper: 20n, ...(nulls === undefined ? {} : { nulls }) })
    const far = (nulls?: number) =>
      statistics(1, long, { lower: 90n, upper: 99n, ...(nulls === undefined ? {} : { nulls }) })
    expect(reaches(keys(1), far(2))).toBe(true)
    expect(reaches(keys(), far(2))).toBe(true)
    expect(reaches(keys(0), far(2))).toBe(false)
  })

  it('are not believed about nulls inside a struct, which some writers do not count when the struct is null', () => {
    const keys = statistics(5, long, { lower: 10n, upper: 20n, nulls: 1, values: 5 })
    expect(reaches(keys, statistics(5, long, { lower: 90n, upper: 99n, nulls: 0, values: 10 }), 5)).toBe(true)
  })

  it('leave out deletes of nulls only when the file has none', () => {
    const onlyNulls = statistics(1, long, { nulls: 10 })
    expect(reaches(onlyNulls, statistics(1, long, { lower: 1n, upper: 2n, nulls: 0 }))).toBe(false)
    expect(reaches(onlyNulls, statistics(1, long, { lower: 1n, upper: 2n, nulls: 1 }))).toBe(true)
    expect(reaches(onlyNulls, {})).toBe(true)
  })

  it('do not speak for NaN: both sides with NaN, or unknown, meet', () => {
    const keys = (nans?: number) =>
      statistics(3, double, { lower: 1, upper: 2, nulls: 0, ...(nans === undefined ? {} : { nans }) })
    const far = (nans: number) => statistics(3, double, { lower: 8, upper: 9, nulls: 0, nans })
    expect(reaches(keys(1), far(1), 3)).toBe(true)
    expect(reaches(keys(), far(1), 3)).toBe(true)
    expect(reaches(keys(0), far(1), 3)).toBe(false)
    expect(reaches(keys(1), far(0), 3)).toBe(false)
  })

  it('that are missing or malformed keep the delete', () => {
    const keys = statistics(1, long, { lower: 10n, upper: 20n, nulls: 0 })
    expect(reaches(keys, {})).toBe(true)
    const malformed = {
      ...statistics(1, long, { lower: 90n, upper: 99n, nulls: 0 }),
      lowerBounds: new Map([[1, new Uint8Array(3)]]),
    }
    expect(reaches(keys, malformed)).toBe(true)
  })

  it('name the columns whose statistics are needed', () => {
    const index = buildDeleteIndex(
      [equality('a', { sequence: 1 }), equality('b', { sequence: 1 }, { equalityFieldIds: [1, 3] })],
      METADATA,
    )
    expect([...index.equalityFieldIds].sort()).toEqual([1, 3])
  })
})
