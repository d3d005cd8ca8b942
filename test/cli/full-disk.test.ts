/**
 * A disk that is full at each single write of an operation: the error says so in one line, the tables are what they
 * were, and nothing is left behind. The next try, with room again, succeeds.
 */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { openEmbeddedCatalog } from '../../src/catalog/embedded.js'
import { applyFeed, type FeedLine } from '../../src/cdc.js'
import { errorLine } from '../../src/cli/error-line.js'
import { type Lake, openLake } from '../../src/index.js'
import { type FailingCall, failingIO } from '../../src/io/failing.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { seededRuntime } from '../snapshot/world.js'

const WRITES: ReadonlySet<string> = new Set([
  ...['write', 'create', 'replace', 'openWriter', 'writer-write', 'writer-close'],
])

interface Operation {
  readonly name: string
  readonly formatVersion: 2 | 3
  readonly run: (lake: Lake) => Promise<unknown>
}

const FEED: readonly object[] = [
  { action: 'B', xid: 1, nextlsn: '0/10' },
  ...['orders', 'items'].flatMap(table => [
    change(table, 'I', { columns: row(70, 'eu') }),
    change(table, 'U', { columns: row(3, 'us'), identity: key(3) }),
    change(table, 'D', { identity: key(1) }),
  ]),
  { action: 'C', xid: 1, nextlsn: '0/20' },
]

function change(table: string, action: string, more: object): object {
  return { action, schema: 'public', table, pk: [{ name: 'id', type: 'bigint' }], ...more }
}

function key(id: number): object[] {
  return [{ name: 'id', type: 'bigint', value: id }]
}

function row(id: number, region: string): object[] {
  return [...key(id), { name: 'region', type: 'text', value: region }]
}

async function* feedLines(): AsyncGenerator<FeedLine> {
  for (const [index, message] of FEED.entries()) yield { number: index + 1, text: JSON.stringify(message) }
}

const every: readonly Operation[] = ([2, 3] as const).flatMap(formatVersion => [
  {
    name: 'append',
    formatVersion,
    run: lake => lake.table('shop.orders').append(rowsFrom(100)),
  },
  {
    name: 'upsert',
    formatVersion,
    run: lake => lake.table('shop.orders').upsert([...rowsFrom(5), { id: 0, region: 'new' }]),
  },
  {
    name: 'delete',
    formatVersion,
    run: lake => lake.table('shop.orders').delete('id < 4'),
  },
  {
    name: 'delete of whole files',
    formatVersion,
    run: lake => lake.table('shop.orders').delete("region = 'eu' or id = 4"),
  },
  {
    name: 'cdc over two tables',
    formatVersion,
    run: lake =>
      applyFeed(feedLines(), { ...lake.context, format: 'wal2json', target: { namespace: ['shop'] } }),
  },
  {
    name: 'expire',
    formatVersion,
    run: lake =>
      lake.table('shop.orders').expire({ olderThanMs: lake.context.runtime.nowMs(), retainLast: 1 }),
  },
  {
    name: 'compact',
    formatVersion,
    run: lake => lake.table('shop.items').compact({ rewriteAll: true }),
  },
  {
    name: 'create a table',
    formatVersion,
    run: lake => lake.createTable('shop.more', 'id int', { formatVersion }),
  },
])
/** The versions differ in how rows are deleted. */
const operations = every.filter(
  ({ name, formatVersion }) => formatVersion === 2 || /^(upsert|delete|cdc)/.test(name),
)

function rowsFrom(first: number): readonly { readonly id: number; readonly region: string | null }[] {
  const regions = ['eu', null]
  return Array.from({ length: 6 }, (_, index) => ({ id: first + index, region: regions[index % 2] ?? null }))
}

/** A lake with two changed tables, whose storage is full at the call that `isFull` names. */
async function openFullLake(formatVersion: 2 | 3) {
  const runtime = seededRuntime()
  const memory = createMemoryIO({ runtime })
  let isFull: (call: FailingCall) => boolean = () => false
  const io = failingIO(memory, call =>
    isFull(call) ? Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }) : undefined,
  )
  const catalog = await openEmbeddedCatalog({ path: ':memory:', warehouse: 'memory://lake', io, runtime })
  const lake = openLake({ catalog, io, runtime })
  for (const [name, partitionBy] of [
    ['shop.orders', ['region']],
    ['shop.items', []],
  ] as const) {
    const options = { keys: ['id'], partitionBy, formatVersion }
    const table = await lake.createTable(name, 'id bigint not null, region string', options)
    await table.append(rowsFrom(0))
    await table.append(rowsFrom(10))
    await table.delete('id = 2 or id = 10')
  }
  runtime.advance(1000)
  const failAt = (call: ((call: FailingCall) => boolean) | undefined): void => {
    isFull = call ?? (() => false)
  }
  return { lake, memory, failAt }
}

type FullLake = Awaited<ReturnType<typeof openFullLake>>

/** Everything that must stay as it is: where the tables stand, and every byte of every file. */
async function stateOf({ lake, memory }: FullLake): Promise<unknown> {
  const files: Record<string, string> = {}
  for await (const { location } of memory.list('memory://lake')) {
    files[location] = createHash('sha256')
      .update(await memory.read(location))
      .digest('hex')
  }
  const tables: Record<string, string> = {}
  for (const identifier of await lake.listTables('shop')) {
    const { metadataLocation } = await lake.table(identifier).load()
    tables[identifier.name] = metadataLocation
  }
  return { files, tables }
}

describe.each(operations)('a full disk in $name, format version $formatVersion', ({ formatVersion, run }) => {
  it.each([
    ['refused', 'before'],
    ['failed at its end', 'after'],
  ] as const)('is reported at each write that is %s, and leaves nothing behind', async (_, when) => {
    const full = await openFullLake(formatVersion)
    const before = await stateOf(full)
    let writes: number
    let at = 0
    do {
      writes = 0
      full.failAt(({ verb, phase }) => phase === when && WRITES.has(verb) && writes++ === at)
      const error = await run(full.lake).then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      full.failAt(undefined)
      if (writes <= at) expect(error).toBe(undefined)
      else {
        expect(errorLine(error), `write ${at}`).toMatch(
          /^serac: unavailable: [^{]+ \{"location":"memory:.*\}$/,
        )
        expect(await stateOf(full), `write ${at}`).toEqual(before)
      }
    } while (at++ < writes)
    expect(await stateOf(full)).not.toEqual(before)
  })
})
