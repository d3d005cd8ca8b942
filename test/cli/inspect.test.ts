/** `serac inspect`: metadata tables in every form, filters, columns, time travel, by name and by location. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tableFromIPC } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli } from '../../src/cli/run.js'
import { connect, METADATA_TABLE_NAMES } from '../../src/index.js'
import { serac, seracError, seracOk } from '../support/cli.js'

let cwd: string
let ids: readonly bigint[]
let metadataLocation: string
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'serac-inspect-'))
  await using lake = await connect({ baseFolder: cwd, fsync: false })
  const orders = await lake.createTable('shop.orders', 'id bigint not null, region string', {
    keys: ['id'],
    partitionBy: ['region'],
  })
  await orders.append([
    { id: 1, region: 'eu' },
    { id: 2, region: 'us' },
    { id: 3, region: 'eu' },
  ])
  await orders.upsert([{ id: 1, region: 'eu' }])
  ids = (await orders.snapshots()).map(snapshot => snapshot.snapshotId)
  metadataLocation = (await orders.load()).metadataLocation
})
afterAll(async () => {
  await rm(cwd, { recursive: true, force: true })
})

async function jsonLines(...args: readonly string[]): Promise<Record<string, unknown>[]> {
  const printed = await seracOk(['inspect', ...args, '--json'], { cwd })
  return printed
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))
}

describe('serac inspect', () => {
  it.each(METADATA_TABLE_NAMES)('prints %s, and help names it', async name => {
    const rows = await jsonLines('shop.orders', name)
    expect(rows.length).toBeGreaterThan(0)
    expect((await serac(['inspect', '--help'], { cwd })).stdout).toMatch(new RegExp(`\\b${name}\\b`))
  })

  it('selects, filters and limits', async () => {
    expect(
      await jsonLines(
        'shop.orders',
        'files',
        '--select',
        'record_count,partition',
        '--where',
        "content = 0 and partition.region = 'us'",
      ),
    ).toEqual([{ record_count: 1, partition: { region: 'us' } }])
    expect(await jsonLines('shop.orders', 'snapshots', '--limit', '1')).toHaveLength(1)
  })

  it('reads the state of another snapshot', async () => {
    const rows = await jsonLines('shop.orders', 'manifests', '--as-of', String(ids[0]), '--select', 'content')
    expect(rows).toEqual([{ content: 0 }])
    const current = await jsonLines('shop.orders', 'manifests', '--select', 'content')
    expect(current.length).toBeGreaterThan(1)
  })

  it('reads a table by its metadata file', async () => {
    const location = metadataLocation.replace(/^file:(\/\/)?/, '')
    expect(await jsonLines(location, 'files')).toEqual(await jsonLines('shop.orders', 'files'))
    const [entry] = await jsonLines(location, 'metadata_log_entries', '--where', 'latest_snapshot_id is null')
    expect(entry?.file).toMatch(/metadata\.json$/)
  })

  it('prints a table, CSV or Arrow', async () => {
    const args = [
      'inspect',
      'shop.orders',
      'partitions',
      '--select',
      'partition,record_count,last_updated_at',
    ]
    const table = await seracOk(args, { cwd })
    expect(table.split('\n')[0]).toMatch(/^partition +record_count +last_updated_at$/)
    expect(table).toContain('{"region":"eu"}')
    const csv = await seracOk([...args, '--format', 'csv'], { cwd })
    expect(csv.split('\n')[0]).toBe('partition,record_count,last_updated_at')
    const out: Uint8Array[] = []
    const sink = {
      write: (part: string | Uint8Array) => out.push(Buffer.from(part)) > 0,
      once: () => undefined,
    }
    const exitCode = await runCli([...args, '--format', 'arrow'], {
      stdout: sink,
      stderr: sink,
      stdin: (async function* () {})(),
      cwd,
      environment: {},
      readFile,
      writeFile: () => Promise.reject(new Error('nothing is written')),
      signal: new AbortController().signal,
    })
    expect(exitCode).toBe(0)
    expect(tableFromIPC(Buffer.concat(out)).numRows).toBe(2)
  })

  it('refuses a name that is no metadata table, a column there is not, and a snapshot that makes no sense', async () => {
    expect(await seracError(['inspect', 'shop.orders', 'filez'], { cwd })).toMatchObject({
      kind: 'invalid-argument',
      context: { name: 'filez' },
    })
    expect(await seracError(['inspect', 'shop.orders', 'files', '--select', 'nope'], { cwd })).toMatchObject({
      kind: 'invalid-argument',
      context: { column: 'nope' },
    })
    expect(
      await seracError(['inspect', 'shop.orders', 'snapshots', '--as-of', String(ids[0])], { cwd }),
    ).toMatchObject({ kind: 'invalid-argument', context: { name: 'snapshots' } })
    expect(await seracError(['inspect', 'shop.nope', 'files'], { cwd })).toMatchObject({ kind: 'not-found' })
  })
})

describe('Table.inspect', () => {
  it('gives rows, batches and Arrow of the state at the call', async () => {
    await using lake = await connect({ baseFolder: cwd, fsync: false })
    const table = await lake.createTable('shop.pinned', 'id int')
    await table.append([{ id: 1 }])
    const inspection = table.inspect('files', { select: ['record_count', 'file_format'] })
    await inspection.fields()
    await table.append([{ id: 2 }, { id: 3 }])
    const rows = []
    for await (const row of inspection.rows({ long: 'number' })) rows.push(row)
    expect(rows).toEqual([{ record_count: 1, file_format: 'PARQUET' }])
    expect((await inspection.toArrow()).numRows).toBe(1)
    expect((await inspection.fields()).map(field => field.name)).toEqual(['record_count', 'file_format'])
    expect((await table.inspect('files').toArrow()).numRows).toBe(2)
    expect(() => table.inspect('filez')).toThrow(expect.objectContaining({ kind: 'invalid-argument' }))
  })
})
