/**
 * Shredded variants of the public conformance set: files of Iceberg's Java writer with the variants that its reader
 * makes of them, and files that readers have to refuse. The suite runs where the shared folder is.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { isLakeError } from '../../src/base/errors.js'
import { systemRuntime } from '../../src/base/runtime.js'
import { batchRows } from '../../src/batch/values.js'
import { openParquet } from '../../src/format/parquet/read.js'
import { checkVariant } from '../../src/format/variant-value.js'
import { createLocalIO } from '../../src/io/local.js'
import type { Value } from '../../src/schema/types.js'
import { decodeVariant } from '../format/variant-tree.js'
import { type Expectation, type PublicCase, publicCases, publicPath } from './public-files.js'

/** Metadata bytes followed by value bytes; a row without a file is a null variant. */
interface GoldenVariant {
  readonly row: number
  readonly file: string
}
interface VariantExpectation extends Expectation {
  readonly variant_golden?: readonly GoldenVariant[]
}

const io = createLocalIO({ runtime: systemRuntime })
const cases = publicCases('parquet').filter(({ id }) => id.startsWith('go/shredded_variant/'))

/** The values of the file's variant column. */
async function readVariants(path: string): Promise<Value[]> {
  const file = await openParquet(io, publicPath(path))
  const columns = file.fields.flatMap((field, index) => (field.type.kind === 'variant' ? [index] : []))
  expect(columns).toHaveLength(1)
  const variants: Value[] = []
  for await (const { batch } of file.read({ columns })) variants.push(...batchRows(batch).flat())
  return variants
}

async function refusalOf(path: string): Promise<string> {
  try {
    await readVariants(path)
  } catch (error) {
    if (isLakeError(error)) return error.kind
    throw error
  }
  return 'none'
}

async function checkVariants({ path, expect: expected }: PublicCase): Promise<void> {
  const variants = await readVariants(path)
  expect(variants).toHaveLength(expected.rows ?? 0)
  const golden = (expected as VariantExpectation).variant_golden ?? []
  for (const [row, variant] of variants.entries()) {
    const file = golden.find(each => each.row === row)?.file
    if (file === undefined) {
      expect(variant).toBeNull()
      continue
    }
    const bytes = readFileSync(publicPath(file))
    checkVariant(bytes)
    // Bytes, not only what they mean: objects are written as Iceberg's Java library writes them.
    expect({ row, variant: decodeVariant(variant as Uint8Array) }).toEqual({
      row,
      variant: decodeVariant(bytes),
    })
    expect(Buffer.from(variant as Uint8Array)).toEqual(bytes)
  }
}

describe('the shredded variants of public projects', () => {
  if (cases.length === 0) {
    it('are read', context => context.skip('the shared folder is not there; SERAC_SHARED says where it is'))
  }
  const legal = cases.filter(each => each.expect.error === null)
  it.for(legal.map(each => [each.id, each] as const))('%s is put together', async ([, each]) => {
    await checkVariants(each)
  })
  const refused = cases.filter(each => each.expect.error !== null)
  it.for(refused.map(each => [each.id, each] as const))('%s is refused', async ([, each]) => {
    const kind = each.expect.error === 'invalid-variant' ? 'corrupt' : each.expect.error
    expect(await refusalOf(each.path)).toBe(kind)
  })
})
