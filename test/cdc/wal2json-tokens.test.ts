/** Values read from bytes are those that their text gives. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isLakeError } from '../../src/base/errors.js'
import { parseJsonExact } from '../../src/base/json.js'
import type { Cell } from '../../src/cdc/change-event.js'
import { decodePostgresJson, parsePostgresType } from '../../src/cdc/postgres-types.js'
import { type Cursor, cellReaderFor } from '../../src/cdc/wal2json/tokens.js'
import { json, POSTGRES_VALUES } from './postgres-values.js'

const FORMS = ['bare', 'text', 'escaped', 'control', 'null']

function readBytes(type: string, text: string): { readonly cell: Cell | undefined; readonly end: number } {
  const cursor: Cursor = { bytes: Buffer.from(`${text}}`), at: 0 }
  return { cell: cellReaderFor(parsePostgresType(type))(cursor), end: cursor.at }
}

const readText = (type: string, text: string): unknown =>
  decodePostgresJson(parsePostgresType(type), parseJsonExact(text))

/** Undefined for what is malformed. */
function tried<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (isLakeError(error, 'corrupt')) return undefined
    throw error
  }
}

describe('a value read from bytes', () => {
  it.each(POSTGRES_VALUES)('%s is what its text gives, or is left to that', (type, usual, wild) => {
    const value = fc
      .tuple(fc.constantFrom(usual, wild), fc.constantFrom(...FORMS))
      .chain(([values, form]) => json(values, form))
    fc.assert(
      fc.property(value, text => {
        const bytes = Buffer.from(`${text.replace(/\p{Surrogate}/gu, '?')}`)
        const found = tried(() => readBytes(type, bytes.toString()))
        if (found?.cell === undefined) return
        expect(found).toEqual({ cell: tried(() => readText(type, bytes.toString())), end: bytes.length })
      }),
      { numRuns: 500 },
    )
  })

  it.each(POSTGRES_VALUES)('%s is read from the bytes in its usual form', (type, usual) => {
    const isBare = /^(small|big)?int|^numeric|^real|^double|^boolean/.test(type) && !type.endsWith('[]')
    const value = json(usual, isBare ? 'bare' : 'text')
    fc.assert(
      fc.property(value, text => readBytes(type, text).cell !== undefined),
      { numRuns: 50 },
    )
  })

  it.each([
    ['integer', '01'],
    ['integer', '-'],
    ['integer', '1.0'],
    ['integer', '1e3'],
    ['bigint', '9223372036854775808'],
    ['numeric', '1.'],
    ['numeric', '.5'],
    ['numeric', '+1'],
    ['numeric(5,2)', '1.'],
    ['numeric(5,2)', '01.00'],
    ['double precision', '1e'],
    ['date', '"2024-13-01"'],
    ['date', '"2024-02-30"'],
    ['time without time zone', '"24:00:01"'],
    ['bytea', '"0"'],
    ['bytea', '"0g"'],
    ['text', '"\u0001"'],
    ['text', '"\\x"'],
    ['text', '"'],
    ['text', '{}'],
    ['boolean', 'nul'],
  ])('%s %s is not', (type, text) => {
    expect(tried(() => readBytes(type, text).cell)).toBeUndefined()
  })
})
