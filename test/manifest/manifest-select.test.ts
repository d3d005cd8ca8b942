/** Entries straight from the bytes against avsc's, with and without pruning, and out of the cache. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isLakeError } from '../../src/base/errors.js'
import { bind } from '../../src/expression/bind.js'
import { and, eq, gtEq, isNull, lt, or } from '../../src/expression/expression.js'
import { mightMatch } from '../../src/expression/statistics.js'
import { meteredIO } from '../../src/io/metered.js'
import { statisticsOf } from '../../src/manifest/bounds.js'
import type { ContentFile, ManifestEntry } from '../../src/manifest/content-file.js'
import { createManifestCache } from '../../src/manifest/manifest-cache.js'
import { readManifest, selectFromManifest } from '../../src/manifest/manifest-read.js'
import { type ManifestEntryToWrite, serializeManifest } from '../../src/manifest/manifest-write.js'
import { serializeValue } from '../../src/schema/value.js'
import { avscEntries } from './avsc-manifest.js'
import {
  dataFile,
  equalityDeletes,
  manifestFile,
  memory,
  options,
  positionDeletes,
  SCHEMA,
  SPEC,
} from './manifest-files.js'

const counts = fc.option(
  fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 300 }), fc.nat({ max: 2 ** 40 })), {
    maxLength: 6,
    selector: ([id]) => id,
  }),
  { nil: undefined },
)
const bounds = fc.option(
  fc.uniqueArray(
    fc.oneof(
      fc.tuple(
        fc.constant(1),
        fc.bigInt({ min: -300n, max: 300n }).map(value => serializeValue({ kind: 'long' }, value)),
      ),
      fc.tuple(fc.integer({ min: 2, max: 300 }), fc.uint8Array({ maxLength: 90 })),
    ),
    { maxLength: 6, selector: ([id]) => id },
  ),
  { nil: undefined },
)
const partition = fc.tuple(
  fc.option(fc.constantFrom('eu', 'us', 'ä€😎'.repeat(30))),
  fc.option(fc.bigInt({ min: -(10n ** 9n), max: 10n ** 9n })),
  fc.option(fc.double()),
  fc.option(fc.nat({ max: 15 })),
  fc.option(fc.integer({ min: -100_000, max: 100_000 })),
)

const file: fc.Arbitrary<Partial<ContentFile>> = fc
  .record({
    location: fc.string({ unit: 'grapheme', maxLength: 100 }),
    partition,
    recordCount: fc.nat({ max: 2 ** 45 }),
    fileSizeBytes: fc.nat(),
    columnSizes: counts,
    valueCounts: counts,
    nullValueCounts: counts,
    nanValueCounts: counts,
    lowerBounds: bounds,
    upperBounds: bounds,
    keyMetadata: fc.option(fc.uint8Array({ maxLength: 5 }), { nil: undefined }),
    sortOrderId: fc.option(fc.nat(), { nil: undefined }),
  })
  .map(({ columnSizes, valueCounts, nullValueCounts, nanValueCounts, lowerBounds, upperBounds, ...rest }) =>
    Object.fromEntries(
      Object.entries({
        ...rest,
        columnSizes: columnSizes && new Map(columnSizes),
        valueCounts: valueCounts && new Map(valueCounts),
        nullValueCounts: nullValueCounts && new Map(nullValueCounts),
        nanValueCounts: nanValueCounts && new Map(nanValueCounts),
        lowerBounds: lowerBounds && new Map(lowerBounds),
        upperBounds: upperBounds && new Map(upperBounds),
      }).filter(([, value]) => value !== undefined),
    ),
  )

const numbers = fc.record({
  snapshotId: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  dataSequenceNumber: fc.bigInt({ min: 0n, max: 2n ** 60n }),
  fileSequenceNumber: fc.bigInt({ min: 0n, max: 2n ** 60n }),
})

const dataEntry: fc.Arbitrary<ManifestEntryToWrite> = fc
  .tuple(
    fc.constantFrom('added' as const, 'existing' as const, 'deleted' as const),
    file,
    numbers,
    fc.option(fc.bigInt({ min: 0n, max: 2n ** 50n }), { nil: undefined }),
  )
  .map(([status, changes, ids, firstRowId]) => ({
    status,
    ...(status === 'added' ? {} : ids),
    file: dataFile('a', { ...(changes as object), ...(firstRowId !== undefined && { firstRowId }) }),
  })) as fc.Arbitrary<ManifestEntryToWrite>

const deleteEntry: fc.Arbitrary<ManifestEntryToWrite> = fc
  .tuple(file, numbers, fc.boolean(), fc.array(fc.nat({ max: 300 }), { minLength: 1, maxLength: 4 }))
  .map(([changes, ids, isPosition, equalityFieldIds]) => ({
    status: 'existing' as const,
    ...ids,
    file: isPosition
      ? positionDeletes('p', {
          ...(changes as object),
          referencedDataFile: 'memory://t/x',
          contentOffset: 4,
          contentSizeBytes: 9,
        })
      : equalityDeletes('e', { ...(changes as object), equalityFieldIds }),
  }))

const codecs = fc.constantFrom('null' as const, 'deflate' as const)
const read = { specs: [SPEC], schema: SCHEMA }

async function stored(
  entries: readonly ManifestEntryToWrite[],
  changes: Parameters<typeof options>[1] = {},
): Promise<{ io: ReturnType<typeof memory>; bytes: Uint8Array }> {
  const io = memory()
  const bytes = serializeManifest(options(entries, changes))
  await io.write(manifestFile().location, bytes)
  return { io, bytes }
}

describe('entries of a manifest', () => {
  it('are what avsc decodes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(dataEntry, { maxLength: 12 }),
        codecs,
        fc.constantFrom(undefined, 0n, 2n ** 60n),
        async (entries, codec, firstRowId) => {
          const { io, bytes } = await stored(entries, { codec, formatVersion: 3 })
          const manifest = manifestFile({
            lengthBytes: bytes.length,
            ...(firstRowId !== undefined && { firstRowId }),
          })
          const expected = avscEntries(bytes, manifest, { spec: SPEC, schema: SCHEMA })
          expect(await readManifest(io, manifest, read)).toEqual(expected)
        },
      ),
      { numRuns: 150 },
    )
  })

  it('of delete manifests are what avsc decodes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(deleteEntry, { maxLength: 8 }), codecs, async (entries, codec) => {
        const { io, bytes } = await stored(entries, { codec, formatVersion: 3, content: 'deletes' })
        const manifest = manifestFile({ content: 'deletes' })
        const expected = avscEntries(bytes, manifest, { spec: SPEC, schema: SCHEMA })
        expect(await readManifest(io, manifest, read)).toEqual(expected)
      }),
      { numRuns: 60 },
    )
  })

  it('that a selector does not keep are those that tuple and statistics exclude, each counted once', async () => {
    const filter = bind(
      or(and(gtEq('id', -50n), lt('id', 50n)), and(eq('id', 200n), isNull('ratio'))),
      SCHEMA,
    )
    const isEurope = (entry: ManifestEntry): boolean => entry.file.partition[0] === 'eu'
    const might = (entry: ManifestEntry): boolean => mightMatch(filter, statisticsOf(entry.file, SCHEMA))
    await fc.assert(
      fc.asyncProperty(
        fc.array(dataEntry, { maxLength: 30 }),
        codecs,
        fc.boolean(),
        fc.constantFrom(undefined, 7n),
        async (entries, codec, isCached, firstRowId) => {
          const { io, bytes } = await stored(entries, { codec, formatVersion: 3 })
          const manifest = manifestFile(firstRowId === undefined ? {} : { firstRowId })
          const all = avscEntries(bytes, manifest, { spec: SPEC, schema: SCHEMA })
          const live = all.filter(({ status }) => status !== 'deleted')
          const cache = isCached ? createManifestCache({ sizeBytesMax: 2 ** 20 }) : undefined
          for (let run = 0; run < 3; run++) {
            const selection = await selectFromManifest(io, manifest, {
              ...read,
              keep: status => status !== 'deleted',
              cache,
              selector: {
                keepPartition: tuple => tuple[0] === 'eu',
                keepFile: statistics => mightMatch(filter, statistics),
                fieldIds: new Set([1, 4]),
              },
            })
            expect(selection.entries).toEqual(live.filter(isEurope).filter(might))
            expect(selection.files).toBe(live.length)
            expect(selection.skippedByPartition).toBe(live.filter(entry => !isEurope(entry)).length)
            expect(selection.skippedByBounds).toBe(
              live.filter(isEurope).filter(entry => !might(entry)).length,
            )
            // Another reader of the same cached blocks, which looks at every entry as a whole.
            expect(await readManifest(io, manifest, { ...read, cache })).toEqual(all)
          }
        },
      ),
      { numRuns: 100 },
    )
  })

  it('are refused or read wherever a byte of a block is changed, also past entries that are skipped', async () => {
    const entries = ['a', 'b', 'c'].map(name => ({
      status: 'added' as const,
      file: dataFile(name, {
        partition: [name, 1n, 0.5, 3, 9],
        valueCounts: new Map([[1, 10]]),
        lowerBounds: new Map([[1, new Uint8Array(8)]]),
        splitOffsets: [4],
      }),
    }))
    const { bytes } = await stored(entries, { codec: 'null' })
    const start = Buffer.from(bytes).indexOf(Buffer.from(bytes.subarray(-16))) + 16
    const io = memory()
    for (let at = start; at < bytes.length; at++) {
      for (const change of [1, 0x80, 0xff]) {
        const broken = bytes.slice()
        broken[at]! ^= change
        await io.write(manifestFile().location, broken)
        const selector = {
          keepPartition: (tuple: readonly unknown[]) => tuple[0] !== 'b',
          keepFile: () => true,
          fieldIds: new Set([1]),
        }
        try {
          await selectFromManifest(io, manifestFile(), { ...read, selector })
        } catch (error) {
          expect(isLakeError(error)).toBe(true)
        }
      }
    }
  })
})

describe('a recorded length of a manifest', () => {
  it.each([2 ** 18, 2 ** 19, 2 ** 22])('that is wrong loses nothing: %i', async lengthBytes => {
    const entries = Array.from({ length: 4000 }, (_, index) => ({
      status: 'added' as const,
      file: dataFile(`file-${index}-${(index * 2_654_435_761) % 2 ** 32}`),
    }))
    const { io, bytes } = await stored(entries, { codec: 'null' })
    expect(bytes.length).toBeGreaterThan(2 ** 18)
    const found = await readManifest(io, manifestFile({ lengthBytes }), { ...read, withStatistics: false })
    expect(found).toHaveLength(entries.length)
  })
})

describe('the manifest cache', () => {
  const named = (name: string): ReturnType<typeof manifestFile> =>
    manifestFile({ location: `memory://t/metadata/${name}.avro`, lengthBytes: 10 })

  async function world(names: readonly string[], sizeBytesMax: number) {
    const io = memory()
    for (const name of names)
      await io.write(
        named(name).location,
        serializeManifest(options([{ status: 'added', file: dataFile(name) }])),
      )
    const metered = meteredIO(io)
    const cache = createManifestCache({ sizeBytesMax })
    const readOne = async (name: string): Promise<boolean> => {
      const before = metered.counts.requests.read
      const [entry] = await readManifest(metered.io, named(name), { ...read, cache })
      expect(entry?.file.location).toContain(`/${name}.parquet`)
      return metered.counts.requests.read === before
    }
    return { cache, readOne }
  }

  it('gives what was read before without a request, and never more than its budget', async () => {
    const { cache, readOne } = await world(['a', 'b', 'c'], 2 ** 20)
    expect(await readOne('a')).toBe(false)
    expect(await readOne('a')).toBe(true)
    const { sizeBytes } = cache
    expect(sizeBytes).toBeGreaterThan(0)
    const small = await world(['a', 'b', 'c'], 2 * sizeBytes)
    for (const name of ['a', 'b', 'c', 'c', 'a', 'b', 'c']) {
      await small.readOne(name)
      expect(small.cache.sizeBytes).toBeLessThanOrEqual(2 * sizeBytes)
    }
  })

  it('lets go of what was not read for the longest time', async () => {
    const one = await world(['a'], 2 ** 20)
    await one.readOne('a')
    const { readOne } = await world(['a', 'b', 'c'], 2 * one.cache.sizeBytes)
    for (const name of ['a', 'b', 'a', 'c']) await readOne(name)
    expect(await readOne('a')).toBe(true)
    expect(await readOne('b')).toBe(false)
  })

  it('of no bytes keeps nothing', async () => {
    const { cache, readOne } = await world(['a'], 0)
    await readOne('a')
    expect(await readOne('a')).toBe(false)
    expect(cache.sizeBytes).toBe(0)
  })
})
