import { describe, expect, it } from 'vitest'
import { rowAt } from '../../src/batch/values.js'
import { createBlockBuilder } from '../../src/cdc/block-builder.js'
import { type ReadableEvent, type SourceRow, UNCHANGED } from '../../src/cdc/change-event.js'
import { type CollapsedChanges, collapse } from '../../src/cdc/collapse.js'
import { createColumnMapper } from '../../src/cdc/column-mapping.js'
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

type Cells = readonly (Value | undefined)[]

/** Changes of a table, said by cells in the order of its columns; undefined is unchanged. */
interface Changes {
  insert(cells: Cells, options?: { readonly movedFrom?: readonly Value[] }): void
  update(cells: Cells, options?: { readonly oldKey?: readonly Value[] }): void
  delete(key: readonly Value[]): void
  truncate(): void
  endTransaction(): void
}

function collapsed(steps: readonly ((changes: Changes) => void)[], of: Schema = schema): CollapsedChanges {
  const builder = createBlockBuilder()
  const table = { schema: 'public', name: 't' }
  const about = { table, line: 1, keyColumns: ['id'] }
  const columns = of.fields.map(({ name, type }) => ({ name, type }))
  const keyColumns = columns.slice(0, 1)
  const rowOf = (cells: Cells): SourceRow => ({
    columns,
    cells: cells.map(cell => (cell === undefined ? UNCHANGED : cell)),
  })
  const keyOf = (cells: readonly Value[]): SourceRow => ({ columns: keyColumns, cells })
  let events: ReadableEvent[] = []
  const changes: Changes = {
    insert: (cells, { movedFrom } = {}) => {
      const moved = movedFrom === undefined ? {} : { movedFrom: keyOf(movedFrom) }
      events.push({ kind: 'insert', ...about, row: rowOf(cells), ...moved })
    },
    update: (cells, { oldKey } = {}) => {
      const old = oldKey === undefined ? {} : { oldKey: keyOf(oldKey) }
      events.push({ kind: 'update', ...about, row: rowOf(cells), ...old })
    },
    delete: key => events.push({ kind: 'delete', ...about, key: keyOf(key) }),
    truncate: () => events.push({ kind: 'truncate', ...about }),
    endTransaction: () => {
      builder.add({ position: { kind: 'lsn', lsn: 1n }, lastLine: 1, events })
      events = []
    },
  }
  for (const step of steps) step(changes)
  changes.endTransaction()
  const slices = builder
    .flush()
    .blocks.map(block => ({ block, from: 0, to: block.kinds.length, firstTransaction: 0 }))
  return collapse(slices, {
    schema: of,
    keyIndexes: [0],
    mapper: createColumnMapper({ schema: of, table: 't' }),
    table: 't',
    onUnrepresentable: () => undefined,
  })
}

/** What is to be written; a cell `old:k` stands for the table's present value in the row of key k. */
function written({ changes }: CollapsedChanges): { keys: Value[]; rows: Value[][]; truncate: boolean } {
  const { keys, rows, patches, truncate } = changes
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

const changesOf = (...steps: readonly ((changes: Changes) => void)[]): CollapsedChanges => collapsed(steps)

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
    const move = (from: number, to: number) => (c: Changes) => {
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
    const move = (c: Changes): void => {
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
    const keys = ['a', 'A', 'a ', 'e\u0301', '\u00e9', '', null, null]
    const { changes } = collapsed(
      keys.map(key => (c: Changes) => c.insert([key, 'x'])),
      text,
    )
    expect(changes.keys.length).toBe(7)
  })
})
