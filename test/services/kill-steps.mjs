/** What the writers of `kill.test.ts` do, told by writer and number alone, so that whoever looks knows what must be there. */
import { createRandom } from '../fuzz/random.mjs'

/** Rows of an append, and keys of an upsert. */
export const ROWS = 4
const KEYS = 40

export function stepOf({ writer, number, tables, keyed }) {
  const random = createRandom(writer * 1_000_003 + number + 1)
  const name = `${writer}.${number}`
  const appended = Array.from({ length: ROWS }, (_, at) => ({ step: name, at }))
  switch (number % 5) {
    case 1:
      return { verb: 'together', name, number, tables, rows: appended }
    case 3: {
      // Keys of its own: the order of its steps says which value is the last.
      const keys = new Set(Array.from({ length: ROWS }, () => writer * KEYS + random.below(KEYS)))
      return {
        verb: 'upsert',
        name,
        number,
        tables: [keyed],
        rows: [...keys].map(key => ({ key, step: name })),
      }
    }
    default:
      return { verb: 'append', name, number, tables: [tables[random.below(tables.length)]], rows: appended }
  }
}
