/** Folders as AWS DMS fills them, applied: the table equals its source after each file, or the reader says what is wrong. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { rejectionOf } from '../support/errors.js'
import { type DmsLake, openDmsLake } from './dms-lake.js'

let feed: DmsLake
beforeEach(async () => {
  feed = await openDmsLake()
})
afterEach(async () => {
  await feed.close()
})

const T = 'public/customers'
const LOAD = `${T}/LOAD00000001.csv`
const C1 = `${T}/20261121-080000000.csv`
const C2 = `${T}/20261121-080100000.csv`
const C3 = `${T}/20261121-080200000.csv`

/** A change with a sequence, under a header. */
function withHeader(...rows: readonly string[]): string {
  return ['Op,id,name,phone,AR_H_CHANGE_SEQ', ...rows, ''].join('\n')
}

function sequence(count: number): string {
  return `2026112108000000${String(count).padStart(19, '0')}`
}

describe('customer 9335', () => {
  it('is inserted, has the phone changed and is deleted: the state after each file, quoted commas included', async () => {
    await feed.put({ [LOAD]: '1,"Doe, Jane",555-0100\n2,"said ""hi""",NULL\n' })
    await feed.apply()
    const others = [
      [1, 'Doe, Jane', '555-0100'],
      [2, 'said "hi"', null],
    ]
    expect(await feed.rows()).toEqual(others)
    await feed.put({ [C1]: 'I,9335,"Smith, Bob, Jr.",555-0199\n' })
    await feed.apply()
    expect(await feed.rows()).toEqual([...others, [9335, 'Smith, Bob, Jr.', '555-0199']])
    await feed.put({ [C2]: 'U,9335,"Smith, Bob, Jr.",555-0200\n' })
    await feed.apply()
    expect(await feed.rows()).toEqual([...others, [9335, 'Smith, Bob, Jr.', '555-0200']])
    await feed.put({ [C3]: 'D,9335,"Smith, Bob, Jr.",555-0200\n' })
    const report = await feed.apply()
    expect(await feed.rows()).toEqual(others)
    expect(report.tables['shop.customers']).toMatchObject({ inserts: 0, updates: 0, deletes: 1 })
    expect(report.position).toBe('file:20261121-080200000.csv')
    expect(await feed.apply()).toMatchObject({ commits: 0, events: 0 })
  })

  it('comes to the same state whatever is applied at once', async () => {
    await feed.put({
      [LOAD]: '1,a,b\n',
      [C1]: 'I,9335,x,1\n',
      [C2]: 'U,9335,x,2\n',
      [C3]: 'D,9335,x,2\nI,7,y,3\n',
    })
    await feed.apply({ until: '20261121-080100000.csv' })
    expect(await feed.rows()).toEqual([
      [1, 'a', 'b'],
      [9335, 'x', '2'],
    ])
    await feed.apply()
    expect(await feed.rows()).toEqual([
      [1, 'a', 'b'],
      [7, 'y', '3'],
    ])
  })
})

describe('the order of files', () => {
  it('is that of the hexadecimal counter, and of times whatever the date folders say', async () => {
    const loads = Array.from({ length: 17 }, (_, index) => {
      const counter = (index + 1).toString(16).toUpperCase().padStart(8, '0')
      return [`${T}/LOAD${counter}.csv`, `${index + 1},n,p\n`]
    })
    await feed.put(Object.fromEntries(loads))
    const early = await feed.apply({ until: 'LOAD00000010.csv' })
    expect(early.position).toBe('file:LOAD00000010.csv')
    expect((await feed.rows()).length).toBe(16)
    await feed.put({
      [`${T}/02/01/2027/20270102-000000000.csv`]: 'U,1,third,3\n',
      [`${T}/31/12/2026/20261231-235959999.csv`]: 'U,1,first,1\n',
      [`${T}/01/01/2027/20270101-120000000.csv`]: 'U,1,second,2\n',
    })
    await feed.apply()
    const rows = await feed.rows()
    expect(rows.length).toBe(17)
    expect(rows[0]).toEqual([1, 'third', '3'])
  })

  it('takes in files of a full load that appear behind later ones while it goes on', async () => {
    await feed.put({
      [`${T}/SEGMENT1_LOAD00000001.csv`]: '1,a,p\n',
      [`${T}/SEGMENT2_LOAD00000002.csv`]: '4,d,p\n',
    })
    await feed.apply()
    await feed.put({
      [`${T}/SEGMENT2_LOAD00000001.csv`]: '3,c,p\n',
      [`${T}/SEGMENT1_LOAD00000002.csv`]: '2,b,p\n',
    })
    await feed.apply()
    expect(await feed.apply()).toMatchObject({ events: 0 })
    expect((await feed.rows()).map(([id]) => id)).toEqual([1, 2, 3, 4])
  })

  it('keeps tables apart: one stands behind the other', async () => {
    const types = new Map([
      ['a', { columns: [{ name: 'id', type: 'integer' }], keyColumns: ['id'] }],
      ['b', { columns: [{ name: 'id', type: 'integer' }], keyColumns: ['id'] }],
    ])
    await feed.put({ 'public/a/20261121-100000000.csv': 'I,1\n' })
    await feed.apply({ types })
    await feed.put({ 'public/b/20261121-090000000.csv': 'I,2\n' })
    await feed.apply({ types })
    expect(await feed.rows('b')).toEqual([[2]])
  })
})

describe('the ledger', () => {
  it('refuses a file that came late, passes over it, or applies it behind the others', async () => {
    await feed.put({ [LOAD]: '1,a,p\n', [C2]: 'U,1,b,p\n' })
    await feed.apply()
    await feed.put({ [C1]: 'U,1,late,p\n' })
    const refused = await rejectionOf(feed.apply())
    expect(refused).toMatchObject({
      kind: 'conflict',
      context: { location: expect.stringContaining('080000000') },
    })
    expect(String(refused?.context.remedy)).toContain('--dms-late')
    const skipped = await feed.apply({ settings: { late: 'skip' } })
    expect(skipped.ignored).toEqual({ 'file that came late': 1 })
    expect(await feed.rows()).toEqual([[1, 'b', 'p']])
    await feed.apply({ settings: { late: 'apply' } })
    expect(await feed.rows()).toEqual([[1, 'late', 'p']])
    expect(await feed.apply()).toMatchObject({ events: 0 })
  })

  it('keeps in mind what was passed over, from the next commit on', async () => {
    await feed.put({ [LOAD]: '1,a,p\n', [C2]: 'U,1,b,p\n' })
    await feed.apply()
    await feed.put({ [C1]: 'U,1,late,p\n', [C3]: 'U,1,c,p\n' })
    await feed.apply({ settings: { late: 'skip' } })
    expect(await feed.apply()).toMatchObject({ events: 0, ignored: {} })
    expect(await feed.rows()).toEqual([[1, 'c', 'p']])
  })

  it('finds a file that has another size than when it was applied', async () => {
    await feed.put({ [LOAD]: '1,a,p\n', [C1]: 'U,1,b,p\n' })
    await feed.apply()
    await feed.put({ [LOAD]: '1,a,p\n2,b,p\n' })
    expect(await rejectionOf(feed.apply())).toMatchObject({
      kind: 'conflict',
      context: { period: 'LOAD' },
    })
    await feed.put({ [LOAD]: '1,a,p\n', [C1]: 'U,1,bb,p\n' })
    expect(await rejectionOf(feed.apply())).toMatchObject({ kind: 'conflict', context: { sizeBytes: 9 } })
  })

  it('asks what it means that the files are gone: a truncate, or tidying up', async () => {
    await feed.put({ [LOAD]: '1,a,p\n2,b,p\n', [C1]: 'U,1,b,p\n' })
    await feed.apply()
    await feed.remove(LOAD, C1)
    await feed.put({ [C2]: 'I,3,c,p\n' })
    expect(await rejectionOf(feed.apply())).toMatchObject({
      kind: 'conflict',
      context: { remedy: expect.stringContaining('--dms-missing') },
    })
    const report = await feed.apply({ settings: { missing: 'truncate' } })
    expect(report.tables['shop.customers']).toMatchObject({ truncates: 1, inserts: 1 })
    expect(await feed.rows()).toEqual([[3, 'c', 'p']])
    await feed.remove(C2)
    await feed.put({ [C3]: 'I,4,d,p\n' })
    await feed.apply({ settings: { missing: 'keep' } })
    expect(await feed.rows()).toEqual([
      [3, 'c', 'p'],
      [4, 'd', 'p'],
    ])
  })

  it('does not mind old files that were tidied up', async () => {
    await feed.put({ [LOAD]: '1,a,p\n', [C1]: 'U,1,b,p\n', [C2]: 'U,1,c,p\n' })
    await feed.apply()
    await feed.remove(LOAD, C1)
    await feed.put({ [C3]: 'U,1,d,p\n' })
    await feed.apply()
    expect(await feed.rows()).toEqual([[1, 'd', 'p']])
  })

  it('refuses two files of one name', async () => {
    await feed.put({ [`${T}/2026/11/21/20261121-080000000.csv`]: 'I,1,a,p\n', [C1]: 'I,1,a,p\n' })
    expect(await rejectionOf(feed.apply())).toMatchObject({ kind: 'conflict' })
  })
})

describe('sequences of changes', () => {
  it('are the order inside a file, and where the feed stops', async () => {
    await feed.put({
      [C1]: withHeader(
        `U,1,third,3,${sequence(3)}`,
        `I,1,first,1,${sequence(1)}`,
        `U,1,second,2,${sequence(2)}`,
      ),
      [C2]: withHeader(`U,1,fourth,4,${sequence(4)}`, `U,1,fifth,5,${sequence(5)}`),
    })
    const report = await feed.apply({ until: sequence(4) }).catch(error => error)
    expect(report).toMatchObject({ kind: 'unsupported' })
    await feed.apply({ until: '20261121-080000000.csv' })
    expect(await feed.rows()).toEqual([[1, 'third', '3']])
    const fourth = await feed.apply({ until: sequence(4) })
    expect(fourth.position).toBe(`file:20261121-080100000.csv+1@${sequence(4)}`)
    expect(await feed.rows()).toEqual([[1, 'fourth', '4']])
    await feed.apply()
    expect(await feed.rows()).toEqual([[1, 'fifth', '5']])
  })

  it('tell what was repeated from what is late only when somebody says so', async () => {
    await feed.put({ [C1]: withHeader(`I,1,a,1,${sequence(1)}`, `U,1,b,2,${sequence(2)}`) })
    await feed.apply()
    await feed.put({ [C2]: withHeader(`U,1,b,2,${sequence(2)}`, `U,1,c,3,${sequence(3)}`) })
    expect(await rejectionOf(feed.apply())).toMatchObject({
      kind: 'conflict',
      context: { sequence: sequence(2), reached: sequence(2) },
    })
    const report = await feed.apply({ settings: { late: 'skip' } })
    expect(report.ignored).toEqual({ 'change that was repeated or came late': 1 })
    expect(await feed.rows()).toEqual([[1, 'c', '3']])
  })

  it('judge a late file by its rows', async () => {
    await feed.put({ [C2]: withHeader(`I,1,a,1,${sequence(1)}`) })
    await feed.apply()
    await feed.put({ [C1]: withHeader(`U,1,b,2,${sequence(2)}`) })
    await feed.apply()
    expect(await feed.rows()).toEqual([[1, 'b', '2']])
    expect(await feed.apply()).toMatchObject({ events: 0 })
  })

  it('are a place to begin at', async () => {
    await feed.put({
      [LOAD]: 'Op,id,name,phone,AR_H_CHANGE_SEQ\nI,9,a,p,\n',
      [C1]: withHeader(`I,1,a,1,${sequence(1)}`, `I,2,b,2,${sequence(2)}`),
    })
    await feed.apply({ resetPosition: sequence(1) })
    expect(await feed.rows()).toEqual([[2, 'b', '2']])
  })
})

describe('keys', () => {
  const header = 'Op,id,name,phone,BI_id,BI_name,BI_phone'

  it('that change take their row along when there is a before image', async () => {
    await feed.put({
      [C1]: `${header}\nI,1,a,p,NULL,NULL,NULL\nU,2,a,p,1,a,p\nD,2,a,p,2,a,p\nI,3,c,p,NULL,NULL,NULL\nU,4,c,p,3,c,p\n`,
    })
    await feed.apply()
    expect(await feed.rows()).toEqual([[4, 'c', 'p']])
    expect(feed.warnings).toEqual([])
  })

  it('that change leave the old row behind without one, and it is said', async () => {
    await feed.put({ [C1]: 'I,1,a,p\n', [C2]: 'U,2,a,p\n', [C3]: 'U,2,b,p\n' })
    await feed.apply()
    expect(await feed.rows()).toEqual([
      [1, 'a', 'p'],
      [2, 'b', 'p'],
    ])
    expect(feed.warnings).toEqual([expect.stringContaining('before-image')])
  })
})

describe('settings', () => {
  it('keep a value that the source did not supply', async () => {
    await feed.put({ [LOAD]: '1,a,555\n', [C1]: 'U,1,b,~\n' })
    await feed.apply({ settings: { noSuppText: '~' } })
    expect(await feed.rows()).toEqual([[1, 'b', '555']])
  })

  it('say the delimiter and the text of null; what is quoted is never null', async () => {
    await feed.put({ [LOAD]: '1|\\N|NULL\n2|"\\N"|"a|b"\n' })
    await feed.apply({ settings: { delimiter: '|', nullText: '\\N' } })
    expect(await feed.rows()).toEqual([
      [1, null, 'NULL'],
      [2, '\\N', 'a|b'],
    ])
  })

  it('take quotes as they stand where the endpoint does not quote', async () => {
    await feed.put({ [LOAD]: '1,"a,5"\n2,b,6\n' })
    const settings = { quotes: false }
    await feed.apply({ settings })
    expect(await feed.rows()).toEqual([
      [1, '"a', '5"'],
      [2, 'b', '6'],
    ])
  })

  it('name the column with the time of the commit, which is no column of the table', async () => {
    await feed.put({
      [LOAD]: 'dms_ts,id,name,phone\n2026-11-21 08:00:00.000000,1,a,p\n',
      [C1]: 'Op,dms_ts,id,name,phone\nU,2026-11-21 08:00:00.000000,1,b,p\n',
    })
    expect(await rejectionOf(feed.apply())).toMatchObject({
      kind: 'invalid-argument',
      context: { column: 'dms_ts', remedy: expect.stringContaining('--dms-timestamp') },
    })
    await feed.apply({ settings: { timestampColumn: 'dms_ts' } })
    expect(await feed.rows()).toEqual([[1, 'b', 'p']])
  })

  it('take changes without operation as inserts only when told so', async () => {
    await feed.put({ [C1]: '1,a,p\n' })
    expect(await rejectionOf(feed.apply())).toMatchObject({ kind: 'invalid-argument' })
    await feed.apply({ settings: { op: 'never' } })
    expect(await feed.rows()).toEqual([[1, 'a', 'p']])
  })
})

describe('what cannot be told', () => {
  it('is refused: a full load whose first column may be the operation', async () => {
    const types = new Map([
      [
        'flags',
        {
          columns: [
            { name: 'flag', type: 'text' },
            { name: 'id', type: 'text' },
          ],
          keyColumns: ['id'],
        },
      ],
    ])
    await feed.put({ 'public/flags/LOAD00000001.csv': 'I,1\nD,2\n' })
    expect(await rejectionOf(feed.apply({ types }))).toMatchObject({
      kind: 'invalid-argument',
      context: { remedy: expect.stringContaining('--dms-op') },
    })
    await feed.apply({ types, settings: { op: 'cdc' } })
    expect(await feed.rows('flags')).toEqual([
      ['D', '2'],
      ['I', '1'],
    ])
  })

  it('is refused: columns that nothing declares', async () => {
    await feed.put({ [LOAD]: '1,a,p\n' })
    expect(await rejectionOf(feed.apply({ types: undefined }))).toMatchObject({
      kind: 'invalid-argument',
      context: { table: 'public.customers', remedy: expect.stringContaining('--types') },
    })
  })

  it('takes the columns of a table that is there', async () => {
    await feed.lake.createTable('shop.customers', 'id long, name string, phone string', { keys: ['id'] })
    await feed.put({ [LOAD]: '1,a,p\n', [C1]: 'U,1,b,p\n' })
    await feed.apply({ types: undefined })
    expect(await feed.rows()).toEqual([[1, 'b', 'p']])
  })

  it('is refused: a folder above the target', async () => {
    await feed.put({ [`target/${C1}`]: 'I,1,a,p\n' })
    expect(await rejectionOf(feed.apply())).toMatchObject({ kind: 'invalid-argument' })
    await feed.apply({ locations: ['memory:/feed/target'] })
    expect(await feed.rows()).toEqual([[1, 'a', 'p']])
  })

  it('is refused: a folder without files of DMS', async () => {
    await feed.put({ 'notes.txt': 'nothing' })
    expect(await rejectionOf(feed.apply())).toMatchObject({ kind: 'not-found' })
  })
})

describe('files of transactions', () => {
  const TX1 = 'changes/CDC_TXN-20261121080000000.csv'
  const TX2 = 'changes/CDC_TXN-20261121080100000.csv'
  const types = new Map([
    [
      'a',
      {
        columns: [
          { name: 'id', type: 'integer' },
          { name: 'v', type: 'text' },
        ],
        keyColumns: ['id'],
      },
    ],
    ['b', { columns: [{ name: 'id', type: 'integer' }], keyColumns: ['id'] }],
  ])

  it('hold the changes of all tables, each of which stands where it stands', async () => {
    await feed.put({
      'public/a/LOAD00000001.csv': '1,x\n',
      [TX1]: 'U,a,public,1,y\nI,b,public,7\n',
    })
    await feed.apply({ types })
    await feed.put({ [TX2]: 'I,a,public,2,z\nD,b,public,7\nI,b,public,8\n' })
    const report = await feed.apply({ types })
    expect(report).toMatchObject({ events: 3, position: 'file:CDC_TXN-20261121080100000.csv' })
    expect(await feed.rows('a')).toEqual([
      [1, 'y'],
      [2, 'z'],
    ])
    expect(await feed.rows('b')).toEqual([[8]])
    expect(await feed.apply({ types })).toMatchObject({ events: 0 })
    await feed.put({ 'changes/CDC_TXN-20261121080030000.csv': 'I,a,public,9,late\n' })
    expect(await rejectionOf(feed.apply({ types }))).toMatchObject({ kind: 'conflict' })
  })
})
