/** The command line itself: help, mistakes in its words, where it finds the lake. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { serac, seracError, seracOk } from '../support/cli.js'

let cwd: string
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'serac-cli-'))
})
afterEach(async () => {
  await rm(cwd, { recursive: true, force: true })
})

describe('help', () => {
  it('lists the commands, and ends with 0', async () => {
    const help = await seracOk(['--help'], { cwd })
    for (const command of [
      ...['demo', 'init', 'namespace', 'table', 'ingest', 'delete', 'cdc', 'scan', 'snapshots'],
      ...['compact', 'expire'],
    ])
      expect(help).toMatch(new RegExp(`^  ${command}\\b`, 'm'))
    expect(help).toContain('--warehouse')
  })

  it('of a command shows its options', async () => {
    const help = await seracOk(['scan', '--help'], { cwd })
    for (const option of ['--select', '--where', '--as-of', '--limit', '--count', '--explain', '--format'])
      expect(help).toContain(option)
    expect(await seracOk(['table', 'create', '--help'], { cwd })).toContain('--partition-by')
  })

  it('says the version of the package', async () => {
    const { version } = JSON.parse(await readFile(join(import.meta.dirname, '../../package.json'), 'utf8'))
    expect(await seracOk(['--version'], { cwd })).toBe(`${version}\n`)
  })
})

describe('a mistake in the words of a command', () => {
  it.each([
    [['frobnicate'], "unknown command 'frobnicate'"],
    [['table', 'frobnicate'], "unknown command 'frobnicate'"],
    [['scan', 'shop.orders', '--frobnicate'], "unknown option '--frobnicate'"],
    [['scan'], "missing required argument 'table'"],
    [['scan', 'a.b', 'c.d'], "too many arguments for 'scan'. Expected 1 argument but got 2."],
    [['delete', 'a.b'], "required option '--where <filter>' not specified"],
    [['scan', 'a.b', '--limit'], "option '--limit <rows>' argument missing"],
    [[], 'a command is missing'],
    [['table'], 'a command is missing'],
  ])('%j is one line, and exit code 1', async (args, message) => {
    const error = await seracError(args, { cwd })
    expect(error).toMatchObject({ kind: 'invalid-argument', context: { see: 'serac --help' } })
    expect(error.message).toBe(message)
  })

  it.each([
    [['scan', 'a.b', '--limit', 'ten'], 'a whole number of at least 0 is needed', 'ten'],
    [['scan', 'a.b', '--format', 'xml'], 'rows are printed as table, jsonl, csv, arrow or parquet', 'xml'],
    [['scan', 'a.b', '--snapshot-id', 'x1'], 'a snapshot id is all digits', 'x1'],
    [['scan', 'a.b', '--timestamp', 'yesterday'], 'a time is ISO-8601 with a zone', 'yesterday'],
    [['scan', 'a.b', '--as-of', '1', '--ref', 'main'], 'a scan reads as of one thing', '1 and main'],
    [
      ['table', 'create', 'a.b', 'x int', '--format-version', '1'],
      'tables are made with format version 2 or 3',
      '1',
    ],
    [['table', 'create', 'a.b', 'x int', '--property', 'p'], 'a property is given as key=value', 'p'],
    [
      ['cdc', 'x.jsonl', '--format', 'csv', '--namespace', 'a'],
      'feeds are read in format debezium, wal2json, maxwell or dms',
      'csv',
    ],
    [['cdc', 'x.jsonl', '--format', 'wal2json'], 'a feed goes to --table or to --namespace', ' '],
    [
      ['cdc', 'x.jsonl', '--format', 'wal2json', '--namespace', 'a', '--commit-rows', '0'],
      'a whole number of at least 1 is needed',
      '0',
    ],
  ])('%j says what it takes', async (args, message, given) => {
    await seracOk(['table', 'create', 'a.b', 'x int'], { cwd }).catch(() => undefined)
    expect(await seracError(args, { cwd })).toEqual({ kind: 'invalid-argument', message, context: { given } })
  })
})

describe('the lake of a command', () => {
  const tables = async (args: readonly string[], environment?: Record<string, string>): Promise<unknown> =>
    JSON.parse(
      await seracOk([...args, 'table', 'list', 'a', '--json'], { cwd, environment: environment ?? {} }),
    )

  it('is ./lake, or the folder that --warehouse, SERAC_WAREHOUSE or serac.json name', async () => {
    await seracOk(['table', 'create', 'a.default', 'x int'], { cwd })
    await seracOk(['--warehouse', 'other', 'table', 'create', 'a.other', 'x int'], { cwd })
    expect(await tables([])).toEqual(['a.default'])
    expect(await tables(['--warehouse', 'lake'])).toEqual(['a.default'])
    expect(await tables(['--warehouse', `file://${cwd}/other`])).toEqual(['a.other'])
    expect(await tables([], { SERAC_WAREHOUSE: join(cwd, 'other') })).toEqual(['a.other'])
    const catalogs = {
      one: { type: 'embedded', warehouse: './lake' },
      two: { type: 'sql', uri: `sqlite:///${cwd}/other/catalog.db`, warehouse: './other' },
    }
    await writeFile(join(cwd, 'serac.json'), JSON.stringify({ default: 'two', catalogs }))
    expect(await tables([])).toEqual(['a.other'])
    expect(await tables(['--catalog', 'one'])).toEqual(['a.default'])
    expect(await tables([], { SERAC_CATALOG: 'one' })).toEqual(['a.default'])
    expect(await tables(['--warehouse', 'lake', '--catalog', 'one'])).toEqual(['a.default'])
  })

  it('that is not configured or not built is refused', async () => {
    expect(await seracError(['--catalog', 'prod', 'namespace', 'list'], { cwd })).toMatchObject({
      kind: 'invalid-argument',
      context: { catalog: 'prod' },
    })
    expect(await seracError(['--warehouse', 'gs://b/l', 'namespace', 'list'], { cwd })).toMatchObject({
      kind: 'unsupported',
      context: { warehouse: 'gs://b/l' },
    })
    await writeFile(join(cwd, 'serac.json'), '{"default": "x", "catalogs": {"x": {"type": "glue"}}}')
    expect(await seracError(['namespace', 'list'], { cwd })).toMatchObject({
      kind: 'unsupported',
      context: { type: 'glue' },
    })
    await writeFile(join(cwd, 'serac.json'), '{')
    expect(await seracError(['namespace', 'list'], { cwd })).toMatchObject({ kind: 'invalid-argument' })
  })

  it('is named by the serac.json that init writes, once', async () => {
    expect(await seracOk(['init'], { cwd })).toContain('wrote serac.json')
    expect(JSON.parse(await readFile(join(cwd, 'serac.json'), 'utf8'))).toEqual({
      default: 'local',
      catalogs: { local: { type: 'embedded', warehouse: './lake' } },
    })
    await seracOk(['namespace', 'create', 'a'], { cwd })
    expect(await tables([])).toEqual([])
    const before = await readFile(join(cwd, 'serac.json'), 'utf8')
    expect(await seracError(['init'], { cwd })).toMatchObject({ context: { given: `${cwd}/serac.json` } })
    expect(await readFile(join(cwd, 'serac.json'), 'utf8')).toBe(before)
  })
})

it('keeps its progress off streams that are no terminal', async () => {
  const { stderr } = await serac(['namespace', 'list'], { cwd })
  expect(stderr).toBe('')
})
