/**
 * Bad input: each case ends with exit code 1 and one line that has a kind and a context, and the table is what
 * it was.
 */
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect } from '../../src/index.js'
import { seracError, seracOk } from '../support/cli.js'

let cwd: string
let metadataLocation: string
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'serac-bad-'))
  await using lake = await connect({ baseFolder: cwd, fsync: false })
  const table = await lake.createTable(
    'shop.t',
    'id bigint not null, price decimal(9,2), day date, s string, n int',
    {
      keys: ['id'],
    },
  )
  await table.append([
    { id: 1, price: '1.00', day: '2024-01-01', s: 'a', n: 1 },
    { id: 2, price: '2.00', s: 'b' },
  ])
  await table.delete('id = 2')
  metadataLocation = (await table.load()).metadataLocation
})
afterEach(async () => {
  await rm(cwd, { recursive: true, force: true })
})

const refused = (...args: string[]) => seracError(args, { cwd })
const pathOf = (location: string): string => location.replace(/^file:\/\//, '')

async function file(name: string, content: string | Uint8Array): Promise<string> {
  await writeFile(join(cwd, name), content)
  return name
}

/** Everything in the lake's folder but SQLite's own files. */
async function lakeFiles(): Promise<readonly string[]> {
  const names = await readdir(join(cwd, 'lake'), { recursive: true, withFileTypes: true })
  return names
    .filter(entry => entry.isFile() && !entry.name.startsWith('catalog.db'))
    .map(entry => join(entry.parentPath, entry.name))
    .sort()
}

async function expectUnchanged(files: readonly string[]): Promise<void> {
  const shown = JSON.parse(await seracOk(['table', 'show', 'shop.t', '--json'], { cwd }))
  expect(shown.metadataLocation).toBe(metadataLocation)
  expect(await lakeFiles()).toEqual(files)
  expect(await seracOk(['scan', 'shop.t', '--json', '--select', 'id'], { cwd })).toBe('{"id":1}\n')
}

async function onlyFile(folder: string, pattern: RegExp): Promise<string> {
  const [name = ''] = (await readdir(join(cwd, 'lake/shop/t', folder))).filter(each => pattern.test(each))
  return join(cwd, 'lake/shop/t', folder, name)
}

describe('filters and columns', () => {
  it.each([
    [['scan', 'shop.t', '--where', 'id ='], { kind: 'invalid-argument', context: { position: 4 } }],
    [['scan', 'shop.t', '--where', ''], { kind: 'invalid-argument' }],
    [
      ['scan', 'shop.t', '--where', 'id = 1 garbage'],
      { kind: 'invalid-argument', context: { near: 'garbage' } },
    ],
    [['scan', 'shop.t', '--where', "s = 'open"], { kind: 'invalid-argument' }],
    [['scan', 'shop.t', '--where', 'nope = 1'], { kind: 'invalid-argument', context: { column: 'nope' } }],
    [['scan', 'shop.t', '--where', "id = 'x'"], { kind: 'invalid-argument', context: { column: 'id' } }],
    [
      ['scan', 'shop.t', '--where', "day = '2024-02-30'"],
      { kind: 'invalid-argument', context: { column: 'day' } },
    ],
    [['scan', 'shop.t', '--where', "s like '%x%'"], { kind: 'unsupported' }],
    [['scan', 'shop.t', '--where', 's < true'], { kind: 'invalid-argument' }],
    [['scan', 'shop.t', '--select', 'id,nope'], { kind: 'invalid-argument', context: { column: 'nope' } }],
    [['scan', 'shop.t', '--select', 'ID'], { kind: 'invalid-argument' }],
    [['scan', 'shop.none'], { kind: 'not-found', context: { table: 'shop.none' } }],
    [['scan', 'bare'], { kind: 'invalid-argument' }],
    [['scan', 'none.metadata.json'], { kind: 'not-found' }],
    [['delete', 'shop.t', '--where', 'nope = 1'], { kind: 'invalid-argument', context: { column: 'nope' } }],
    [['delete', 'shop.t', '--where', '((id = 1)'], { kind: 'invalid-argument' }],
    [['delete', 'shop.none', '--where', 'true'], { kind: 'not-found' }],
  ])('%j', async (args, error) => {
    const files = await lakeFiles()
    expect(await refused(...args)).toMatchObject(error)
    await expectUnchanged(files)
  })
})

describe('rows that do not fit', () => {
  it.each([
    ['a broken line', '{"id":3}\n{"id":', { kind: 'corrupt', context: { line: 2 } }],
    ['a line that is no object', '[1,2]', { kind: 'corrupt', context: { line: 1 } }],
    [
      'a column that the table lacks',
      '{"id":3}\n{"id":4,"nope":1}',
      { kind: 'invalid-argument', context: { column: 'nope', row: 1 } },
    ],
    [
      'text for a number',
      '{"id":"x"}',
      { kind: 'invalid-argument', context: { column: 'id', row: 0, type: 'long' } },
    ],
    ['a fraction for a whole number', '{"id":1.5}', { kind: 'invalid-argument', context: { column: 'id' } }],
    [
      'a number out of range',
      '{"id":3,"n":2147483648}',
      { kind: 'invalid-argument', context: { column: 'n' } },
    ],
    [
      'a long out of range',
      '{"id":9223372036854775808}',
      { kind: 'invalid-argument', context: { column: 'id' } },
    ],
    [
      'a decimal with too many digits',
      '{"id":3,"price":"1.005"}',
      { kind: 'invalid-argument', context: { column: 'price' } },
    ],
    [
      'a day that is none',
      '{"id":3,"day":"2023-02-29"}',
      { kind: 'invalid-argument', context: { column: 'day' } },
    ],
    ['a number for text', '{"id":3,"s":5}', { kind: 'invalid-argument', context: { column: 's' } }],
    ['null for a required column', '{"s":"x"}', { kind: 'invalid-argument', context: { column: 'id' } }],
    [
      'bytes that are no UTF-8',
      Uint8Array.from([0x7b, 0x22, 0x69, 0x64, 0x22, 0x3a, 0xff, 0x7d]),
      { kind: 'corrupt' },
    ],
  ])('%s', async (_, content, error) => {
    const rows = await file('rows.jsonl', content)
    const files = await lakeFiles()
    for (const mode of ['append', 'upsert']) {
      expect(await refused('ingest', 'shop.t', rows, '--mode', mode)).toMatchObject(error)
      await expectUnchanged(files)
    }
  })

  it('a key that is given twice', async () => {
    const rows = await file('rows.jsonl', '{"id":3,"s":"x"}\n{"id":4}\n{"id":3,"s":"y"}')
    const files = await lakeFiles()
    expect(await refused('ingest', 'shop.t', rows, '--mode', 'upsert')).toMatchObject({
      kind: 'invalid-argument',
    })
    expect(await refused('ingest', 'shop.t', rows, '--mode', 'upsert', '--keys', 'nope')).toMatchObject({
      kind: 'invalid-argument',
      context: { column: 'nope' },
    })
    await expectUnchanged(files)
  })

  it('a missing file, after others that were read', async () => {
    const rows = await file('rows.jsonl', '{"id":3}')
    const files = await lakeFiles()
    expect(await refused('ingest', 'shop.t', rows, 'none.jsonl')).toMatchObject({
      kind: 'not-found',
      context: { location: `${cwd}/none.jsonl` },
    })
    expect(await refused('ingest', 'shop.new', 'none.parquet')).toMatchObject({ kind: 'not-found' })
    await expectUnchanged(files)
  })

  it('Parquet that is cut, is none, or has other columns', async () => {
    const whole = await readFile(await onlyFile('data', /\d\.parquet$/))
    await using lake = await connect({ baseFolder: cwd, fsync: false })
    await lake.createTable('shop.other', 'id string, nope int')
    await lake.table('shop.other').append([{ id: 'x' }])
    const otherData = join(cwd, 'lake/shop/other/data')
    const [other = ''] = await readdir(otherData)
    const files = await lakeFiles()
    for (const [name, bytes] of [
      ['cut', whole.subarray(0, whole.length - 100)],
      ['head', whole.subarray(0, 3)],
      ['empty', new Uint8Array(0)],
      ['text', Buffer.from('id,s\n1,x\n')],
      ['footer', Buffer.concat([whole.subarray(0, whole.length - 60), Buffer.alloc(60)])],
    ] as const) {
      const path = await file(`${name}.parquet`, bytes)
      for (const table of ['shop.t', 'shop.fresh'])
        expect(await refused('ingest', table, path), name).toMatchObject({
          kind: 'corrupt',
          context: { location: `${cwd}/${path}` },
        })
    }
    expect(await refused('ingest', 'shop.t', join(otherData, other))).toMatchObject({
      kind: 'invalid-argument',
    })
    await expectUnchanged(files)
    expect(JSON.parse(await seracOk(['table', 'list', 'shop', '--json'], { cwd }))).toEqual([
      'shop.other',
      'shop.t',
    ])
  })
})

/** Files of the table that a scan or a write needs, each broken in several ways. */
describe('stored files that are broken', () => {
  const broken: readonly (readonly [string, () => Promise<string>, readonly string[]])[] = [
    ['data file', () => onlyFile('data', /\d\.parquet$/), ['scan']],
    ['delete file', () => onlyFile('data', /deletes\.parquet$/), ['scan']],
    ['manifest', () => onlyFile('metadata', /^(?!snap-).*\.avro$/), ['scan', 'delete']],
    ['manifest list', async () => join(await currentManifestList()), ['scan', 'ingest', 'delete', 'compact']],
    [
      'metadata file',
      async () => pathOf(metadataLocation),
      ['scan', 'ingest', 'delete', 'compact', 'expire', 'show', 'snapshots'],
    ],
  ]
  const COMMANDS: Readonly<Record<string, readonly string[]>> = {
    scan: ['scan', 'shop.t', '--json'],
    ingest: ['ingest', 'shop.t', 'good.jsonl'],
    delete: ['delete', 'shop.t', '--where', "s = 'a'"],
    compact: ['compact', 'shop.t', '--rewrite-all'],
    expire: ['expire', 'shop.t', '--older-than', '0s'],
    show: ['table', 'show', 'shop.t'],
    snapshots: ['snapshots', 'shop.t'],
  }

  describe.each(broken)('%s', (_, find, commands) => {
    it.each([
      ['missing', 'not-found', (path: string) => rm(path)],
      ['empty', 'corrupt', (path: string) => truncate(path, 0)],
      [
        'cut',
        'corrupt',
        async (path: string) => truncate(path, Math.floor((await readFile(path)).length * 0.6)),
      ],
      ['overwritten', 'corrupt', (path: string) => overwrite(path)],
    ] as const)('%s: the command says which, and changes nothing', async (_way, kind, damage) => {
      await file('good.jsonl', '{"id":9}')
      const path = await find()
      const whole = await readFile(path)
      await damage(path)
      const damaged = await lakeFiles()
      for (const command of commands) {
        const error = await refused(...(COMMANDS[command] ?? []))
        expect(error, command).toMatchObject({ kind })
        expect(JSON.stringify(error.context), command).toContain(path)
        expect(await lakeFiles(), command).toEqual(damaged)
      }
      await writeFile(path, whole)
      await expectUnchanged(await lakeFiles())
    })
  })

  it('metadata of another shape is told from metadata that is no JSON', async () => {
    const path = pathOf(metadataLocation)
    const whole = await readFile(path, 'utf8')
    for (const [text, kind] of [
      ['[]', 'corrupt'],
      ['{}', 'corrupt'],
      [
        whole
          .replace('"format-version": 2', '"format-version": 9')
          .replace('"format-version":2', '"format-version":9'),
        'unsupported',
      ],
      [whole.replace(/"location" ?: ?"[^"]*"/, '"location":7'), 'corrupt'],
      [whole.replace('"long"', '"wrong"'), 'corrupt'],
    ] as const) {
      await writeFile(path, text)
      const error = await refused('scan', 'shop.t')
      expect(error).toMatchObject({ kind })
      expect(JSON.stringify(error.context)).toContain(path)
    }
    await writeFile(path, whole)
    await expectUnchanged(await lakeFiles())
  })
})

async function currentManifestList(): Promise<string> {
  const { snapshots } = JSON.parse(await readFile(pathOf(metadataLocation), 'utf8'))
  return pathOf(snapshots.at(-1)['manifest-list'])
}

/** Bytes in the middle and the end are others. */
async function overwrite(path: string): Promise<void> {
  const bytes = await readFile(path)
  bytes.fill(0xa5, Math.floor(bytes.length / 3))
  await writeFile(path, bytes)
}

const SOURCE = { db: 'd', schema: 'public', table: 't', lsn: 1, txId: 1 }

describe('change feeds', () => {
  const line = (value: unknown): string => `${JSON.stringify(value)}\n`
  const begin = line({ action: 'B', xid: 1, lsn: '0/10', nextlsn: '0/10' })
  const commit = line({ action: 'C', xid: 1, lsn: '0/20', nextlsn: '0/20' })
  const change = (more: object = {}): string =>
    line({
      ...{ action: 'I', schema: 'public', table: 't', pk: [{ name: 'id', type: 'bigint' }] },
      ...{ columns: [{ name: 'id', type: 'bigint', value: 3 }] },
      ...more,
    })

  it.each([
    ['a broken line', `${begin}${change()}{"action":\n${commit}`, { kind: 'corrupt', context: { line: 3 } }],
    ['a line that is no object', `${begin}[]\n${commit}`, { kind: 'corrupt', context: { line: 2 } }],
    [
      'bytes that are no UTF-8',
      Buffer.concat([Buffer.from(begin), Buffer.from([0xff, 0xfe, 0x0a])]),
      { kind: 'corrupt', context: { line: 2 } },
    ],
    ['gzip that is cut', gzipSync(begin + change() + commit).subarray(0, -12), { kind: 'corrupt' }],
    ['gzip that is damaged', gzipSync(begin + change() + commit).fill(0xa5, 20), { kind: 'corrupt' }],
    [
      'what is neither text nor gzip',
      Uint8Array.from([0x00, 0x01, 0x02, 0x0a]),
      { kind: 'corrupt', context: { line: 1 } },
    ],
    [
      'a change outside of a transaction',
      begin + commit + change(),
      { kind: 'corrupt', context: { line: 3 } },
    ],
    [
      'a feed that begins inside of a transaction',
      change() + commit,
      { kind: 'corrupt', context: { line: 1 } },
    ],
    ['an end without a begin', commit, { kind: 'corrupt', context: { line: 1 } }],
    [
      'an unknown action',
      `${begin}${line({ action: 'Q' })}${commit}`,
      { kind: 'corrupt', context: { line: 2 } },
    ],
    [
      'a column that the table lacks',
      begin +
        change({
          columns: [
            { name: 'id', type: 'bigint', value: 3 },
            { name: 'nope', type: 'text', value: 'x' },
          ],
        }) +
        commit,
      { kind: 'unsupported', context: { column: 'nope' } },
    ],
    [
      'a value of another type',
      begin +
        change({
          columns: [
            { name: 'id', type: 'bigint', value: 3 },
            { name: 'n', type: 'text', value: 'x' },
          ],
        }) +
        commit,
      { context: { column: 'n' } },
    ],
  ])('wal2json: %s', async (_, content, error) => {
    const feed = await file('feed.jsonl.gz', content)
    const files = await lakeFiles()
    const command = ['cdc', feed, '--format', 'wal2json', '--namespace', 'shop']
    expect(await refused(...command)).toMatchObject(error)
    await expectUnchanged(files)
  })

  it.each([
    ['a broken line', '{"payload":', { kind: 'corrupt', context: { line: 1 } }],
    ['a line that is no object', '7\n', { kind: 'corrupt', context: { line: 1 } }],
    [
      'a change without its source',
      line({ op: 'c', after: { id: 1 } }),
      { kind: 'corrupt', context: { line: 1 } },
    ],
    ['a change without its row', line({ op: 'c', source: SOURCE }), { context: { line: 1 } }],
    ['an unknown operation', line({ op: 'q', source: SOURCE, after: { id: 1 } }), { context: { line: 1 } }],
    [
      'rows without their envelope',
      line({ id: 1, __op: 'c' }),
      { kind: 'unsupported', context: { line: 1 } },
    ],
    [
      'another database',
      line({ op: 'c', source: { ...SOURCE, lsn: undefined }, after: { id: 1 } }),
      { kind: 'unsupported', context: { line: 1 } },
    ],
  ])('debezium: %s', async (_, content, error) => {
    const feed = await file('feed.jsonl', content)
    const files = await lakeFiles()
    expect(await refused('cdc', feed, '--format', 'debezium', '--namespace', 'shop')).toMatchObject(error)
    await expectUnchanged(files)
  })

  it('that are missing, or come with a types file that is none', async () => {
    const feed = await file('feed.jsonl', begin + commit)
    const files = await lakeFiles()
    const command = ['--format', 'wal2json', '--namespace', 'shop']
    expect(await refused('cdc', 'none.jsonl', ...command)).toMatchObject({
      kind: 'not-found',
      context: { location: `${cwd}/none.jsonl` },
    })
    expect(await refused('cdc', feed, ...command, '--types', 'none.json')).toMatchObject({
      kind: 'not-found',
    })
    for (const text of ['{', '[]', '{}', '{"t":{"columns":[{"name":1}]}}']) {
      await file('types.json', text)
      expect(await refused('cdc', feed, ...command, '--types', 'types.json'), text).toMatchObject({
        kind: 'invalid-argument',
      })
    }
    expect(await refused('cdc', feed, ...command, '--until', 'soon')).toMatchObject({
      kind: 'invalid-argument',
    })
    await expectUnchanged(files)
  })
})
