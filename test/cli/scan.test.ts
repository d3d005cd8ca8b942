/** `serac scan`: rows in every form, filters, columns, time travel, counts and explanations. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tableFromIPC } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli } from '../../src/cli/run.js'
import { connect } from '../../src/index.js'
import { serac, seracError, seracOk } from '../support/cli.js'
import { everyColumn, everyRow } from '../support/every-column.js'

let cwd: string
let ids: readonly bigint[]
let times: readonly number[]
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'serac-scan-'))
  await using lake = await connect({ baseFolder: cwd, fsync: false })
  const types = await lake.createTable('shop.types', everyColumn(3), { formatVersion: 3 })
  await types.append(everyRow(3))
  await lake.createTable('shop.empty', 'id int, name string')
  const history = await lake.createTable('shop.history', 'id bigint not null, v string', { keys: ['id'] })
  await history.append([
    { id: 1, v: 'a' },
    { id: 2, v: 'a' },
  ])
  await history.upsert([{ id: 2, v: 'b' }])
  await history.delete('id = 1')
  const snapshots = await history.snapshots()
  ids = snapshots.map(snapshot => snapshot.snapshotId)
  times = snapshots.map(snapshot => snapshot.timestampMs)
})
afterAll(async () => {
  await rm(cwd, { recursive: true, force: true })
})

/** Standard output as bytes. */
async function bytesOf(...args: readonly string[]): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  const exitCode = await runCli(args, {
    stdout: { write: part => parts.push(Buffer.from(part as Uint8Array)) > 0, once: () => undefined },
    stderr: { write: () => true, once: () => undefined },
    stdin: (async function* () {})(),
    cwd,
    environment: {},
    readFile: () => Promise.reject(Object.assign(new Error('none'), { code: 'ENOENT' })),
    writeFile: () => Promise.resolve(),
    signal: new AbortController().signal,
  })
  expect(exitCode).toBe(0)
  return Buffer.concat(parts)
}

const lines = (text: string): readonly string[] => text.split('\n').filter(line => line !== '')

/** Cells of the table of every type, as their JSON text, by column. */
const CELLS: Readonly<Record<string, readonly string[]>> = {
  id: ['1', '2', '3', '4'],
  flag: ['true', 'null', 'false', 'null'],
  i: ['42', 'null', '-2147483648', '2147483647'],
  l: ['9007199254740993', 'null', '-9223372036854775808', '9223372036854775807'],
  f: ['1.5', 'null', '"NaN"', '"-Infinity"'],
  d: ['-0.0', 'null', '"Infinity"', '"NaN"'],
  d9: ['"1.50"', 'null', '"-9999999.99"', '"9999999.99"'],
  d18: ['"-0.000001"', 'null', '"999999999999.999999"', 'null'],
  d38: [
    '"1234567890123456789012345678.0123456789"',
    'null',
    '"-9999999999999999999999999999.9999999999"',
    'null',
  ],
  day: ['"2024-02-29"', 'null', '"0001-01-01"', '"9999-12-31"'],
  tm: ['"01:02:03.000004"', 'null', '"00:00:00.000000"', '"23:59:59.999999"'],
  ts: [
    '"2024-01-01T00:00:00.000001"',
    'null',
    '"1969-12-31T23:59:59.999999"',
    '"9999-12-31T23:59:59.999999"',
  ],
  tz: [
    '"2024-01-01T00:00:00.000001+00:00"',
    'null',
    '"1970-01-01T00:00:00.000000+00:00"',
    '"0001-01-01T00:00:00.000000+00:00"',
  ],
  s: ['"naïve 😀 \\"quoted\\"\\n\\\\"', 'null', '""', `"${'\u{10FFFF}'.repeat(20)}"`],
  u: [
    '"f79c3e09-677c-4bbd-a479-3f349cb785e7"',
    'null',
    '"00000000-0000-0000-0000-000000000000"',
    '"ffffffff-ffff-ffff-ffff-ffffffffffff"',
  ],
  x: ['"00ff10"', 'null', '""', `"${'ff'.repeat(40)}"`],
  fx: ['"deadbeef"', 'null', '"00000000"', '"ffffffff"'],
  tags: ['["a",null,""]', 'null', '[]', '[null]'],
  counts: ['[-9223372036854775808,9223372036854775807]', 'null', '[]', 'null'],
  attrs: ['{"keys":["b","a"],"values":["2.00",null]}', 'null', '{"keys":[],"values":[]}', 'null'],
  by_number: [
    '{"keys":[7,-7],"values":[{"a":0.1,"b":[true,null]},null]}',
    'null',
    '{"keys":[],"values":[]}',
    'null',
  ],
  p: [
    '{"x":2.5,"inner":{"name":"in","at":"1969-12-31T23:59:59.999999+00:00"},"items":[{"u":"00000000-0000-0000-0000-00000000000a","n":1},null,{"u":null,"n":null}]}',
    'null',
    '{"x":null,"inner":null,"items":[]}',
    '{"x":-0.0,"inner":{"name":null,"at":null},"items":[null]}',
  ],
  tsn: [
    '"2024-01-01T00:00:00.000000001"',
    'null',
    '"1969-12-31T23:59:59.999999999"',
    '"2262-04-11T23:47:16.854775807"',
  ],
  tzn: [
    '"2024-01-01T00:00:00.123456789+00:00"',
    'null',
    '"1677-09-21T00:12:44.000000000+00:00"',
    '"2262-04-11T23:47:16.854775807+00:00"',
  ],
}

describe('rows as JSON lines', () => {
  it.each(
    Object.entries(CELLS),
  )('hold the values of %s in their single-value form', async (column, cells) => {
    const printed = await seracOk(['scan', 'shop.types', '--select', column, '--format', 'jsonl'], { cwd })
    expect(lines(printed)).toEqual(cells.map(cell => `{"${column}":${cell}}`))
  })

  it('hold all columns in the order of the schema, and are what --json prints', async () => {
    const printed = await seracOk(['scan', 'shop.types', '--json'], { cwd })
    expect(lines(printed).map(line => Object.keys(JSON.parse(line)))).toEqual(
      [0, 1, 2, 3].map(() => Object.keys(CELLS)),
    )
    expect(await seracOk(['scan', 'shop.types', '--format', 'jsonl'], { cwd })).toBe(printed)
  })

  it('are none for a table without rows', async () => {
    expect(await seracOk(['scan', 'shop.empty', '--json'], { cwd })).toBe('')
  })
})

describe('rows in other forms', () => {
  it('are a table of text for people, minus zero and nulls told apart', async () => {
    expect(await seracOk(['scan', 'shop.types', '--select', 'id,d,tags'], { cwd })).toBe(
      [
        'id  d         tags',
        '--  --------  -------------',
        ' 1  -0.0      ["a",null,""]',
        ' 2  NULL      NULL',
        ' 3  Infinity  []',
        ' 4  NaN       [null]',
        '',
      ].join('\n'),
    )
    expect(await seracOk(['scan', 'shop.empty'], { cwd })).toBe('id  name\n--  ----\n')
  })

  it('are an Arrow stream', async () => {
    const table = tableFromIPC(await bytesOf('scan', 'shop.history', '--format', 'arrow'))
    expect(table.schema.fields.map(field => field.name)).toEqual(['id', 'v'])
    expect([...(table.getChild('id') ?? [])]).toEqual([2n])
  })
})

describe('what is read', () => {
  it('is what --where and --select ask for, --limit rows at most', async () => {
    const scan = (...args: string[]) => seracOk(['scan', 'shop.types', '--json', ...args], { cwd })
    expect(await scan('--select', 'i,id', '--where', 'id >= 3')).toBe(
      '{"i":-2147483648,"id":3}\n{"i":2147483647,"id":4}\n',
    )
    expect(await scan('--select', 'id', '--where', "u = 'f79c3e09-677c-4bbd-a479-3f349cb785e7'")).toBe(
      '{"id":1}\n',
    )
    expect(await scan('--select', 'id', '--where', "tz = '2024-01-01T00:00:00.000001'")).toBe('{"id":1}\n')
    expect(await scan('--select', 'id', '--where', 'p.x = 2.5')).toBe('{"id":1}\n')
    expect(await scan('--select', 'id', '--limit', '2')).toBe('{"id":1}\n{"id":2}\n')
    expect(await scan('--select', 'id', '--limit', '0')).toBe('')
  })

  it('has metadata columns when they are named', async () => {
    const [line = ''] = lines(
      await seracOk(['scan', 'shop.types', '--json', '--select', '_pos,_file,_row_id', '--limit', '1'], {
        cwd,
      }),
    )
    expect(JSON.parse(line)).toMatchObject({
      _pos: 0,
      _row_id: 0,
      _file: expect.stringMatching(/^file:\/\/.*\/shop\/types\/data\/.*\.parquet$/),
    })
  })

  it('can be counted', async () => {
    const count = (...args: string[]) => seracOk(['scan', 'shop.types', '--count', ...args], { cwd })
    expect(await count()).toBe('4\n')
    expect(JSON.parse(await count('--json'))).toEqual({ count: 4 })
    expect(await count('--where', 's is not null')).toBe('3\n')
    expect(await count('--limit', '3')).toBe('3\n')
    expect(await seracOk(['scan', 'shop.history', '--count'], { cwd })).toBe('1\n')
    expect(await seracOk(['scan', 'shop.empty', '--count'], { cwd })).toBe('0\n')
  })

  it('can be explained: what each level skipped', async () => {
    const explain = async (...args: string[]) =>
      JSON.parse(await seracOk(['scan', 'shop.history', '--explain', ...args], { cwd }))
    expect(await explain('--where', 'id = 2')).toMatchObject({
      columns: ['id', 'v'],
      planning: { dataManifests: 2, deleteManifests: 1 },
      execution: { rowsReturned: 1 },
    })
    expect(await explain('--where', 'id = 99', '--json')).toMatchObject({
      planning: { dataFiles: 1, dataFilesSkippedByBounds: 1 },
      scan: { dataFiles: 0 },
      execution: { rowsRead: 0, rowsReturned: 0 },
    })
  })

  it('is the table that a metadata file describes, wherever it was moved to', async () => {
    const { metadataLocation } = JSON.parse(
      await seracOk(['table', 'show', 'shop.history', '--json'], { cwd }),
    )
    const rows = await seracOk(['scan', 'shop.history', '--json'], { cwd })
    expect(await seracOk(['scan', metadataLocation, '--json'], { cwd })).toBe(rows)
    const path = metadataLocation.replace(`file://${cwd}/`, '')
    expect(await seracOk(['scan', path, '--json', '--as-of', String(ids[2])], { cwd })).toBe(rows)
    const { cp } = await import('node:fs/promises')
    await cp(join(cwd, 'lake', 'shop', 'history'), join(cwd, 'copy'), { recursive: true })
    const moved = metadataLocation.replace('/lake/shop/history/', '/copy/')
    const args = ['scan', moved, '--json', '--relocate', `file://${cwd}/lake/shop/history=copy`]
    const { stdout } = await serac([...args, '--select', 'id,v,_file'], { cwd })
    expect(JSON.parse(stdout)).toMatchObject({ id: 2, v: 'b' })
  })
})

describe('time travel', () => {
  const read = async (...args: string[]) =>
    [...lines(await seracOk(['scan', 'shop.history', '--json', ...args], { cwd }))].sort()
  const states = [
    ['{"id":1,"v":"a"}', '{"id":2,"v":"a"}'],
    ['{"id":1,"v":"a"}', '{"id":2,"v":"b"}'],
    ['{"id":2,"v":"b"}'],
  ]

  it('goes to a snapshot id: all digits', async () => {
    for (const [index, state] of states.entries()) {
      expect(await read('--as-of', String(ids[index]))).toEqual(state)
      expect(await read('--snapshot-id', String(ids[index]))).toEqual(state)
    }
  })

  it('goes to a time with a zone, by what was current then', async () => {
    for (const [index, state] of states.entries()) {
      const utc = new Date(times[index] as number).toISOString()
      expect(await read('--as-of', utc)).toEqual(state)
      expect(await read('--timestamp', utc)).toEqual(state)
      const east = new Date((times[index] as number) + 5.5 * 3_600_000).toISOString().replace('Z', '+05:30')
      expect(await read('--as-of', east)).toEqual(state)
    }
    expect(await read('--as-of', '9999-01-01T00:00:00Z')).toEqual(states[2])
  })

  it('goes to a branch or tag', async () => {
    expect(await read('--as-of', 'main')).toEqual(states[2])
    expect(await read('--ref', 'main')).toEqual(states[2])
  })

  it('to where the table never was is refused', async () => {
    const refused = (...args: string[]) => seracError(['scan', 'shop.history', '--json', ...args], { cwd })
    expect(await refused('--as-of', '42')).toMatchObject({ kind: 'not-found', context: { snapshotId: '42' } })
    expect(await refused('--as-of', '2001-01-01T00:00:00Z')).toMatchObject({ kind: 'not-found' })
    expect(await refused('--as-of', 'nightly')).toMatchObject({
      kind: 'not-found',
      context: { ref: 'nightly' },
    })
    expect(await refused('--ref', String(ids[0]))).toMatchObject({ kind: 'not-found' })
    expect(await refused('--as-of', '2024-01-01T00:00:00')).toMatchObject({ kind: 'invalid-argument' })
  })
})

describe('rows in other formats', () => {
  it('are CSV, in which an empty text is told from null', async () => {
    const scan = (...args: string[]) => seracOk(['scan', 'shop.types', '--format', 'csv', ...args], { cwd })
    expect(await scan('--select', 'id,d,tags')).toBe(
      'id,d,tags\n1,-0.0,"[""a"",null,""""]"\n2,,\n3,Infinity,[]\n4,NaN,[null]\n',
    )
    expect(await scan('--select', 's', '--where', 'id = 3')).toBe('s\n""\n')
    expect(await scan('--select', 's', '--where', 'id = 1')).toBe('s\n"naïve 😀 ""quoted""\n\\"\n')
    expect(await seracOk(['scan', 'shop.empty', '--format', 'csv'], { cwd })).toBe('id,name\n')
  })

  it('are a Parquet file, which can be scanned itself', async () => {
    const { writeFile } = await import('node:fs/promises')
    const rows = await seracOk(['scan', 'shop.types', '--json'], { cwd })
    await writeFile(join(cwd, 'out.parquet'), await bytesOf('scan', 'shop.types', '--format', 'parquet'))
    expect(await seracOk(['scan', 'out.parquet', '--json'], { cwd })).toBe(rows)
  })

  it('are refused in one that there is not', async () => {
    expect(await seracError(['scan', 'shop.types', '--format', 'xml'], { cwd })).toMatchObject({
      kind: 'invalid-argument',
      context: { given: 'xml' },
    })
  })
})

describe('the first rows in an order', () => {
  const scan = (...args: string[]) => seracOk(['scan', 'shop.types', '--json', ...args], { cwd })

  it('are those that --order-by asks for, up to the limit', async () => {
    expect(await scan('--select', 'id', '--order-by', 'id desc', '--limit', '2')).toBe('{"id":4}\n{"id":3}\n')
    expect(await scan('--select', 'id,d', '--order-by', 'd desc nulls last', '--limit', '3')).toBe(
      '{"id":4,"d":"NaN"}\n{"id":3,"d":"Infinity"}\n{"id":1,"d":-0.0}\n',
    )
    expect(await scan('--select', 'id', '--order-by', 'd', '--limit', '1')).toBe('{"id":2}\n')
  })

  it('need a limit, and a top-level column with an order', async () => {
    const refused = (...args: string[]) => seracError(['scan', 'shop.types', ...args], { cwd })
    expect(await refused('--order-by', 'id')).toMatchObject({ kind: 'invalid-argument' })
    for (const terms of ['nope', 'tags', 'p.x', 'bucket(4, id)'])
      expect(await refused('--order-by', terms, '--limit', '1')).toMatchObject({ kind: 'invalid-argument' })
  })
})

describe('--max-scan-bytes', () => {
  it('refuses a scan that would read more', async () => {
    const refused = await seracError(['scan', 'shop.types', '--max-scan-bytes', '100'], { cwd })
    expect(refused).toMatchObject({ kind: 'invalid-argument', context: { maxScanBytes: 100 } })
    expect(await seracOk(['scan', 'shop.types', '--count', '--max-scan-bytes', '0'], { cwd })).toBe('4\n')
    const rows = await seracOk(
      ['scan', 'shop.types', '--select', 'id', '--json', '--max-scan-bytes', '1000000'],
      {
        cwd,
      },
    )
    expect(lines(rows)).toHaveLength(4)
  })
})
