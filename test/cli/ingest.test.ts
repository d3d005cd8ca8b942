/** `serac ingest` of CSV, Arrow and folders: what it makes, what it passes over, what it says. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { seracError, seracOk } from '../support/cli.js'

let cwd: string
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'serac-ingest-'))
})
afterEach(async () => {
  await rm(cwd, { recursive: true, force: true })
})

const run = (...args: string[]): Promise<string> => seracOk(args, { cwd })
const json = async (...args: string[]) => JSON.parse(await seracOk([...args, '--json'], { cwd }))
const rows = async (table: string): Promise<readonly unknown[]> =>
  (await run('scan', table, '--format', 'jsonl'))
    .split('\n')
    .filter(line => line !== '')
    .sort()
    .map(line => JSON.parse(line))

describe('serac ingest', () => {
  it('makes the table from the values of CSV', async () => {
    await writeFile(
      join(cwd, 'orders.csv'),
      'id,at,price,note\n1,2024-01-01,9.5,\n2,2024-01-02,10,"a ""b"""\n',
    )
    await run('ingest', 'shop.orders', 'orders.csv')
    expect(await json('table', 'show', 'shop.orders')).toMatchObject({
      columns: [
        { name: 'id', type: 'long' },
        { name: 'at', type: 'date' },
        { name: 'price', type: 'double' },
        { name: 'note', type: 'string' },
      ],
    })
    expect(await rows('shop.orders')).toEqual([
      { id: 1, at: '2024-01-01', price: 9.5, note: null },
      { id: 2, at: '2024-01-02', price: 10, note: 'a "b"' },
    ])
  })

  it('takes back what scan printed, as CSV and as JSON lines', async () => {
    await run(
      'table',
      'create',
      'shop.a',
      'id bigint, s string, d decimal(9,2), x binary, t timestamptz, l array<int>',
    )
    const line = { id: 1, s: '', d: '1.50', x: '0aff', t: '2024-01-01T00:00:00+00:00', l: [1, null] }
    await writeFile(join(cwd, 'a.jsonl'), `${JSON.stringify(line)}\n{"id":9007199254740993}\n`)
    await run('ingest', 'shop.a', 'a.jsonl')
    for (const format of ['csv', 'jsonl']) {
      await run(
        'table',
        'create',
        `shop.${format}`,
        'id bigint, s string, d decimal(9,2), x binary, t timestamptz, l array<int>',
      )
      await writeFile(join(cwd, `out.${format}`), await run('scan', 'shop.a', '--format', format))
      await run('ingest', `shop.${format}`, `out.${format}`)
      const printed = (await run('scan', `shop.${format}`, '--format', 'jsonl')).split('\n').sort()
      expect(printed).toEqual((await run('scan', 'shop.a', '--format', 'jsonl')).split('\n').sort())
    }
  })

  it('passes over what a stream took in', async () => {
    await mkdir(join(cwd, 'in'))
    await writeFile(join(cwd, 'in/a.csv'), 'id\n1\n')
    expect(await json('ingest', 'shop.t', 'in', '--stream', 's')).toMatchObject({
      changed: true,
      filesSkipped: 0,
    })
    expect(await run('ingest', 'shop.t', 'in', '--stream', 's')).toBe('nothing to change\n')
    await writeFile(join(cwd, 'in/b.csv'), 'id\n2\n')
    expect(await json('ingest', 'shop.t', 'in', '--stream', 's')).toMatchObject({
      changed: true,
      filesSkipped: 1,
    })
    expect(await rows('shop.t')).toEqual([{ id: 1 }, { id: 2 }])
    await writeFile(join(cwd, 'in/a.csv'), 'id\n100\n')
    expect(await seracError(['ingest', 'shop.t', 'in', '--stream', 's'], { cwd })).toMatchObject({
      kind: 'invalid-argument',
      context: { location: join(cwd, 'in/a.csv'), stream: 's' },
    })
  })

  it('takes options of CSV, and refuses kinds it does not know', async () => {
    await writeFile(join(cwd, 'x.txt'), '1;-\n2;b\n')
    await run('table', 'create', 'shop.x', 'id bigint, v string')
    await run(
      'ingest',
      'shop.x',
      'x.txt',
      '--format',
      'csv',
      '--delimiter',
      ';',
      '--null-text',
      '-',
      '--no-header',
    )
    expect(await rows('shop.x')).toEqual([
      { id: 1, v: null },
      { id: 2, v: 'b' },
    ])
    const refused = await seracError(['ingest', 'shop.x', 'x.txt', '--format', 'excel'], { cwd })
    expect(refused.kind).toBe('invalid-argument')
  })
})
