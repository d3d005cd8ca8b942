/**
 * Four writers, processes of their own, on tables in S3 under the DynamoDB catalog, over proxies that lose requests and
 * answers, while processes are killed and snapshots expire. A step that was not acknowledged is asked for again, so in the
 * end every step is there once: none lost, none doubled, of two tables both or none.
 *
 *   SERAC_KILL_COMMITS=2000 npx vitest run test/services/kill.test.ts      the long form, on what is built in dist/
 *   SERAC_KILL_SEED=7                                                       other faults; the interleaving differs anyhow
 *   SERAC_KILL_STORE=minio                                                  instead of versitygw
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, isLakeError, type Lake } from '../../src/index.js'
import { createRandom } from '../fuzz/random.mjs'
import {
  cancelledTransaction,
  dynamoDbError,
  type Fault,
  type FaultProxy,
  openFaultProxy,
  type ProxiedRequest,
  s3Error,
} from './fault-proxy.js'
import { ROWS, stepOf } from './kill-steps.mjs'
import {
  type Service,
  type ServiceName,
  serviceIsHere,
  serviceProperties,
  startService,
  TEST_BUCKET,
} from './service.js'

const WRITERS = 4
const COMMITS = Number(process.env.SERAC_KILL_COMMITS ?? (process.env.CI === 'true' ? 120 : 20))
const SEED = Number(process.env.SERAC_KILL_SEED ?? 1)
const STORE: ServiceName = process.env.SERAC_KILL_STORE === 'minio' ? 'minio' : 'versitygw'
const ENGINE = process.env.SERAC_DIST ?? join(import.meta.dirname, '../../dist')
const STEPS = Math.ceil(COMMITS / WRITERS)
const TABLES = ['kill.a', 'kill.b']
const KEYED = 'kill.k'
const ALL = [...TABLES, KEYED]
const WAREHOUSE = `s3://${TEST_BUCKET}/kill`
/** Snapshots that an expiry leaves: less than the writers make while an answer is looked for. */
const RETAIN_LAST = 10
/** Earlier metadata files that a table keeps. */
const LOG_MAX = 10
const TIMEOUT_MS = COMMITS * 3_000 + 120_000

const isHere = serviceIsHere('dynamodb') && serviceIsHere(STORE)

describe.skipIf(!isHere)('writers that are killed, over a network that loses requests and answers', () => {
  const random = createRandom(SEED)
  let services: readonly Service[] = []
  let proxies: readonly FaultProxy[] = []
  let folder: string
  /** Reads and expires past the proxies. */
  let lake: Lake
  beforeAll(async () => {
    expect(existsSync(join(ENGINE, 'index.js')), 'npm run build').toBe(true)
    folder = mkdtempSync(join(tmpdir(), 'serac-kill-'))
    services = await Promise.all([startService('dynamodb'), startService(STORE)])
    const [items, objects] = services
    if (items === undefined || objects === undefined) throw new Error('two services')
    proxies = await Promise.all([
      openFaultProxy(items.endpoint, request => itemFault(request)),
      openFaultProxy(objects.endpoint, request => objectFault(request)),
    ])
    lake = await connect(connectOptions(services.map(service => service.endpoint)))
    for (const name of ALL) {
      await lake.createTable(
        name,
        name === KEYED ? 'key bigint not null, step string' : 'step string, at int',
        {
          formatVersion: 3,
          ...(name === KEYED ? { keys: ['key'] } : {}),
          properties: {
            'commit.retry.num-retries': '100',
            'commit.retry.max-wait-ms': '1000',
            'commit.status-check.min-wait-ms': '50',
            'commit.status-check.max-wait-ms': '1000',
            'write.metadata.previous-versions-max': `${LOG_MAX}`,
            'write.metadata.delete-after-commit.enabled': 'true',
          },
        },
      )
    }
  }, 120_000)
  afterAll(async () => {
    await lake?.close()
    await Promise.all(proxies.map(proxy => proxy.close()))
    await Promise.all(services.map(service => service.stop()))
    rmSync(folder, { recursive: true, force: true })
  })

  it('leave every step once', { timeout: TIMEOUT_MS }, async () => {
    let running = WRITERS
    const run = async (writer: number): Promise<number> => {
      try {
        return await runWriter(writer)
      } finally {
        running--
      }
    }
    const [kills] = await Promise.all([
      Promise.all(Array.from({ length: WRITERS }, (_, writer) => run(writer))),
      expireWhile(() => running > 0),
    ])
    const told = tally()
    console.log(
      JSON.stringify({ seed: SEED, commits: STEPS * WRITERS, kills, ...told, faults: faultCounts() }),
    )
    await expectEveryStepOnce()
    await expectNoFileMissing()
    expect(await removeAllOrphans()).toEqual([])
    await expectEveryStepOnce()
    if (COMMITS >= 100) expect(kills.reduce((sum, each) => sum + each, 0)).toBeGreaterThan(0)
  })

  // ---- faults

  function itemFault({ operation }: ProxiedRequest): Fault | undefined {
    const roll = random.next()
    const isTransaction = operation === 'TransactWriteItems'
    if (roll < 0.02) return { kind: 'drop-response' }
    if (roll < 0.03) return { kind: 'reset-response' }
    if (roll < 0.04) return { kind: 'drop-request' }
    if (roll < 0.05) return { kind: 'deliver-late', until: 300 }
    if (roll < 0.06) return dynamoDbError('ProvisionedThroughputExceededException')
    if (roll < 0.07) return dynamoDbError('InternalServerError', { status: 500 })
    if (roll < 0.08 && isTransaction) return cancelledTransaction(['TransactionConflict'])
    if (roll < 0.1) return { kind: 'delay-response', until: 50 }
    return undefined
  }

  function objectFault({ method }: ProxiedRequest): Fault | undefined {
    const roll = random.next()
    if (roll < 0.005) return { kind: 'drop-response' }
    if (roll < 0.01) return { kind: 'reset-response' }
    if (roll < 0.015) return { kind: 'drop-request' }
    if (roll < 0.02) return s3Error(503, 'SlowDown')
    if (roll < 0.025 && method === 'GET') return { kind: 'truncate-response' }
    if (roll < 0.03) return { kind: 'delay-response', until: 50 }
    return undefined
  }

  function faultCounts(): Record<string, number> {
    const counts: Record<string, number> = {}
    for (const { fault } of proxies.flatMap(proxy => proxy.log))
      if (fault !== undefined) counts[fault.kind] = (counts[fault.kind] ?? 0) + 1
    return counts
  }

  // ---- writers

  function connectOptions(endpoints: readonly string[]): Parameters<typeof connect>[0] & object {
    const [items = '', objects = ''] = endpoints
    const properties = { ...serviceProperties('dynamodb', items), ...serviceProperties(STORE, objects) }
    return { type: 'dynamodb', warehouse: WAREHOUSE, properties }
  }

  const journalOf = (writer: number): string => join(folder, `journal-${writer}`)

  /** Until one process has done all the steps; how many were killed. */
  async function runWriter(writer: number): Promise<number> {
    for (let kills = 0; ; kills++) {
      const given = {
        engine: ENGINE,
        connect: connectOptions(proxies.map(proxy => proxy.endpoint)),
        ...{ writer, journal: journalOf(writer), steps: STEPS, tables: TABLES, keyed: KEYED },
      }
      const script = join(import.meta.dirname, 'kill-writer.mjs')
      const child = spawn(process.execPath, [script, JSON.stringify(given)], {
        stdio: ['ignore', 'inherit', 'pipe'],
      })
      let said = ''
      child.stderr.on('data', chunk => {
        said = (said + chunk).slice(-4000)
      })
      const over = new AbortController()
      const ended = new Promise<{ code: number | null; signal: string | null }>(resolve => {
        child.once('close', (code, signal) => resolve({ code, signal }))
      }).finally(() => over.abort())
      // Later ones live longer, or a slow machine would never be done.
      const lifeMs = 1_200 + random.below(3_500) + kills * 700
      await wait(lifeMs, undefined, { signal: over.signal }).then(
        () => child.kill('SIGKILL'),
        () => undefined,
      )
      const { code, signal } = await ended
      if (code === 0) return kills
      expect(signal, said).toBe('SIGKILL')
    }
  }

  async function expireWhile(goesOn: () => boolean): Promise<void> {
    while (goesOn()) {
      await wait(1_000)
      for (const name of ALL) {
        try {
          await lake.table(name).expire({ olderThanMs: Date.now(), retainLast: RETAIN_LAST })
        } catch (error) {
          if (!isLakeError(error, 'conflict')) throw error
        }
      }
    }
  }

  /** What writers were told, by kind of end. */
  function tally(): Record<string, number> {
    const counts: Record<string, number> = {}
    for (let writer = 0; writer < WRITERS; writer++) {
      if (!existsSync(journalOf(writer))) continue
      for (const line of readFileSync(journalOf(writer), 'utf8').split('\n')) {
        if (!line.endsWith('}')) continue
        const { fate, kind } = JSON.parse(line) as { fate?: string; kind?: string }
        const told = kind ?? fate
        if (told !== undefined) counts[told] = (counts[told] ?? 0) + 1
      }
    }
    return counts
  }

  // ---- what must be there

  function allSteps() {
    return Array.from({ length: WRITERS * STEPS }, (_, at) =>
      stepOf({ writer: at % WRITERS, number: Math.floor(at / WRITERS), tables: TABLES, keyed: KEYED }),
    )
  }

  async function expectEveryStepOnce(): Promise<void> {
    const steps = allSteps()
    for (const name of TABLES) {
      const wanted = steps.filter(step => step.tables.includes(name)).map(step => step.name)
      const found = new Map<string, number>()
      for await (const row of lake.table(name).scan().rows())
        found.set(String(row.step), (found.get(String(row.step)) ?? 0) + 1)
      const wrong = wanted.filter(step => found.get(step) !== ROWS)
      expect(wrong.map(step => [step, found.get(step) ?? 0])).toEqual([])
      expect(found.size).toBe(wanted.length)
    }
    const last = new Map<string, string>()
    for (const { verb, rows } of steps)
      if (verb === 'upsert') for (const { key, step } of rows) last.set(String(key), step)
    const there = new Map<string, string>()
    let count = 0
    for await (const row of lake.table(KEYED).scan().rows()) {
      there.set(String(row.key), String(row.step))
      count++
    }
    expect(Object.fromEntries(there)).toEqual(Object.fromEntries(last))
    expect(count).toBe(last.size)
  }

  async function expectNoFileMissing(): Promise<void> {
    const there = new Set<string>()
    for await (const { location } of lake.context.io.list(`${WAREHOUSE}/`)) there.add(location)
    for (const name of ALL) {
      const table = lake.table(name)
      const { metadata, metadataLocation } = await table.load()
      const reached = [metadataLocation, ...metadata.metadataLog.map(({ metadataFile }) => metadataFile)]
      reached.push(...metadata.snapshots.flatMap(({ manifestList }) => manifestList ?? []))
      for (const [view, column] of [
        ['all_manifests', 'path'],
        ['all_files', 'file_path'],
      ] as const)
        for await (const row of table.inspect(view, { select: [column] }).rows())
          reached.push(String(row[column]))
      expect(reached.filter(location => !there.has(location))).toEqual([])
    }
  }

  /**
   * What killed processes left goes; nobody is left who writes. Each cleaning is a commit, behind which states of the log
   * are forgotten, and with them what only they reach. What is there still comes back.
   */
  async function removeAllOrphans(): Promise<readonly string[]> {
    const left: string[] = []
    for (const name of ALL) {
      const table = lake.table(name)
      const remove = async (dryRun: boolean) => {
        await wait(2) // files of this very millisecond are older then
        return table.removeOrphans({ force: true, olderThanMs: Date.now(), dryRun })
      }
      for (let cleaning = 0; cleaning < 2 * LOG_MAX; cleaning++)
        if ((await remove(false)).files.length === 0) break
      left.push(...(await remove(true)).files.map(file => file.location))
    }
    return left
  }
})
