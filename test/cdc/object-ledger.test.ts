/** The ledger of a feed of files: small, and nothing that comes late, changes or is added among old files stays unseen. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseDmsName } from '../../src/cdc/dms/names.js'
import {
  compareLedger,
  EMPTY_LEDGER,
  type LedgerObject,
  ledgerOf,
  parseLedger,
  serializeLedger,
  withLoads,
  withObject,
} from '../../src/cdc/object-ledger.js'

function object(name: string, sizeBytes = 100): LedgerObject {
  const parsed = parseDmsName(name)
  if (parsed === undefined) throw new Error(name)
  return { name, sizeBytes, place: parsed.place }
}

/** One file a quarter of an hour, from the start of 2026. */
function changesAt(quarter: number): LedgerObject {
  const text = new Date(Date.UTC(2026, 0, 1) + quarter * 900_000).toISOString().replace(/[-:T]/g, '')
  return object(`${text.slice(0, 8)}-${text.slice(8, 14)}000.csv`, 100 + quarter)
}

function through(objects: readonly LedgerObject[]): ReturnType<typeof ledgerOf> {
  let ledger = EMPTY_LEDGER
  for (const each of objects) ledger = withObject(ledger, each)
  return ledger
}

describe('a ledger', () => {
  it('stays small, whatever it has taken in', () => {
    const loads = Array.from({ length: 40 }, (_, index) =>
      object(`LOAD${(index + 1).toString(16).toUpperCase().padStart(8, '0')}.csv`),
    )
    const ledger = through([...loads, ...Array.from({ length: 20_000 }, (_, quarter) => changesAt(quarter))])
    expect(ledger.recent.length).toBe(64)
    expect(JSON.stringify(serializeLedger(ledger)).length).toBeLessThan(5000)
    expect([...ledger.periods.keys()]).toContain('202602')
    const counted = [...ledger.periods.values()].reduce((sum, { count }) => sum + count, 0)
    expect(counted).toBe(20_040 - 64)
  })

  it('is the same whether objects came one by one or at once, and after it was stored', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 9000 }), { maxLength: 400 }), quarters => {
        const objects = quarters.sort((a, b) => a - b).map(changesAt)
        const ledger = through(objects)
        expect(compareLedger(ledger, objects)).toEqual({ late: [], changed: [], changedPeriods: [] })
        expect(parseLedger(serializeLedger(ledger))).toEqual(ledger)
        expect(compareLedger(ledgerOf(objects), objects)).toEqual({
          late: [],
          changed: [],
          changedPeriods: [],
        })
      }),
      { numRuns: 50 },
    )
  })

  it('finds what came late or has another size, among new objects and old ones', () => {
    const quarters = fc.uniqueArray(fc.integer({ min: 0, max: 5000 }), { minLength: 2, maxLength: 300 })
    fc.assert(
      fc.property(quarters, fc.nat(), fc.boolean(), (numbers, pick, isLate) => {
        const objects = numbers.sort((a, b) => a - b).map(changesAt)
        const one = objects[pick % (objects.length - 1)] as LedgerObject
        const others = objects.filter(each => each !== one)
        const before = through(isLate ? others : objects)
        const now = isLate
          ? objects
          : objects.map(each => (each === one ? { ...one, sizeBytes: one.sizeBytes + 1 } : each))
        const { late, changed, changedPeriods } = compareLedger(before, now)
        expect(late.length + changed.length + changedPeriods.length).toBe(1)
      }),
      { numRuns: 100 },
    )
  })

  it('does not mind that old objects are gone', () => {
    const objects = Array.from({ length: 300 }, (_, quarter) => changesAt(quarter))
    const left = objects.filter((_, index) => index % 3 === 0)
    expect(compareLedger(through(objects), left)).toEqual({ late: [], changed: [], changedPeriods: [] })
  })

  it('takes in a late object among the old ones', () => {
    const objects = Array.from({ length: 300 }, (_, quarter) => changesAt(quarter))
    const late = objects[3] as LedgerObject
    const ledger = withObject(through(objects.filter(each => each !== late)), late)
    expect(compareLedger(ledger, objects)).toEqual({ late: [], changed: [], changedPeriods: [] })
  })

  it('puts the full load of a table before the changes of all', () => {
    const loads = [object('LOAD00000001.csv')]
    const changes = [object('CDC_TXN-20261121080000000.csv')]
    const ledger = withLoads(through(changes), loads)
    expect(compareLedger(ledger, [...loads, ...changes])).toEqual({
      late: [],
      changed: [],
      changedPeriods: [],
    })
    const more = [...loads, object('LOAD00000002.csv'), ...changes]
    expect(compareLedger(ledger, more).late.length + compareLedger(ledger, more).changedPeriods.length).toBe(
      1,
    )
  })
})
