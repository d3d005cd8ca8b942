import { describe, expect, it } from 'vitest'
import { rowAt } from '../../src/batch/values.js'
import { createTableChanges, type TableChanges } from '../../src/cdc/table-changes.js'
import type { Schema, Value } from '../../src/schema/types.js'

const schema: Schema = {
  schemaId: 0,
  identifierFieldIds: [1],
  fields: [
    { id: 1, name: 'id', required: true, type: { kind: 'int' } },
    { id: 2, name: 'a', required: false, type: { kind: 'string' } },
    { id: 3, name: 'big', required: false, type: { kind: 'string' } },
  ],
}

/** What is to be written; a cell `old:k` stands for the table's present value in the row of key k. */
function written(changes: TableChanges): { keys: Value[]; rows: Value[][]; truncate: boolean } {
  const { keys, rows, patches, truncate } = changes.toKeyedChanges()
  const cells = Array.from({ length: rows.length }, (_, row) => [...rowAt(rows, row)])
  patches?.rows.forEach((row, patch) => {
    const column = schema.fields.findIndex(field => field.id === patches.fieldIds[patch])
    const [key] = rowAt(keys, patches.keyRows[patch] as number)
    ;(cells[row] as Value[])[column] = `old:${key}`
  })
  return {
    keys: Array.from({ length: keys.length }, (_, row) => rowAt(keys, row)[0] as Value),
    rows: cells,
    truncate: truncate === true,
  }
}

const changesOf = (...steps: readonly ((changes: TableChanges) => void)[]): TableChanges => {
  const changes = createTableChanges(schema, [0])
  for (const step of steps) step(changes)
  return changes
}

describe('the changes of a table between two commits', () => {
  it('come down to the last row of each key', () => {
    const changes = changesOf(
      c => c.insert([1, 'a', 'x']),
      c => c.update([1, 'b', 'y']),
      c => c.insert([2, 'c', null]),
      c => c.delete([2]),
    )
    expect(written(changes)).toEqual({ keys: [1, 2], rows: [[1, 'b', 'y']], truncate: false })
  })

  it('take an unchanged cell from the row here, else from the row in the table', () => {
    const changes = changesOf(
      c => c.insert([1, 'a', 'x']),
      c => c.update([1, 'b', undefined]),
      c => c.update([2, 'b', undefined]),
      c => c.update([2, 'c', undefined]),
    )
    expect(written(changes).rows).toEqual([
      [1, 'b', 'x'],
      [2, 'c', 'old:2'],
    ])
    expect(changes.orphanedCells).toBe(0)
  })

  it('let nothing of a deleted row shine through an insert of its key', () => {
    const changes = changesOf(
      c => c.delete([1]),
      c => c.insert([1, 'b', undefined]),
    )
    expect(written(changes).rows).toEqual([[1, 'b', null]])
  })

  it('move a row with its unchanged cells, by an update with the old key', () => {
    const changes = changesOf(
      c => c.update([2, 'b', undefined], { oldKey: [1] }),
      c => c.update([3, 'c', undefined], { oldKey: [2] }),
    )
    expect(written(changes)).toEqual({ keys: [1, 2, 3], rows: [[3, 'c', 'old:1']], truncate: false })
  })

  it('move a row with its unchanged cells, by a delete and an insert', () => {
    const changes = changesOf(
      c => c.delete([1]),
      c => c.insert([2, 'b', undefined], { movedFrom: [1] }),
    )
    expect(written(changes).rows).toEqual([[2, 'b', 'old:1']])
  })

  it('swap two rows by way of a third key', () => {
    const move = (from: number, to: number) => (c: TableChanges) => {
      c.delete([from])
      c.insert([to, `from ${from}`, undefined], { movedFrom: [from] })
    }
    const changes = changesOf(c => c.insert([1, 'a', 'one']), move(1, 9), move(2, 1), move(9, 2))
    expect(written(changes).rows).toEqual([
      [1, 'from 2', 'old:2'],
      [2, 'from 9', 'one'],
    ])
  })

  it('survive a feed that repeats a move', () => {
    const move = (c: TableChanges): void => {
      c.delete([1])
      c.insert([2, 'b', undefined], { movedFrom: [1] })
    }
    expect(written(changesOf(move, move)).rows).toEqual([[2, 'b', 'old:1']])
  })

  it('take away the row that moved even when its delete is missing', () => {
    const changes = changesOf(c => c.insert([2, 'b', undefined], { movedFrom: [1] }))
    expect(written(changes)).toEqual({ keys: [1, 2], rows: [[2, 'b', 'old:1']], truncate: false })
  })

  it('forget deleted rows at the end of their transaction, and count what is lost', () => {
    const changes = changesOf(
      c => c.delete([1]),
      c => c.endTransaction(),
      c => c.insert([2, 'b', undefined], { movedFrom: [1] }),
      c => c.update([1, 'z', undefined]),
    )
    expect(written(changes).rows).toEqual([
      [1, 'z', null],
      [2, 'b', null],
    ])
    expect(changes.orphanedCells).toBe(2)
  })

  it('begin anew with a truncate: what was there is gone, what follows stays', () => {
    const changes = changesOf(
      c => c.insert([1, 'a', 'x']),
      c => c.truncate(),
      c => c.insert([2, 'b', 'y']),
      c => c.update([3, 'c', undefined]),
    )
    expect(written(changes)).toEqual({
      keys: [2, 3],
      rows: [
        [2, 'b', 'y'],
        [3, 'c', null],
      ],
      truncate: true,
    })
  })

  it('keep keys apart by their bytes, and null equal to null', () => {
    const text: Schema = { ...schema, fields: [{ ...schema.fields[1]!, id: 1 }, ...schema.fields.slice(2)] }
    const changes = createTableChanges(text, [0])
    for (const key of ['a', 'A', 'a ', 'e\u0301', '\u00e9', '', null, null]) changes.insert([key, 'x'])
    expect(changes.toKeyedChanges().keys.length).toBe(7)
  })
})
