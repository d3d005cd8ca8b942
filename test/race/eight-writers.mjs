/**
 * Eight writers, processes of their own, on one embedded table: two append, two upsert keys of their own, two the same
 * keys, one deletes and updates, one compacts. Meanwhile this process replays every snapshot, reads the table, and
 * expires what was replayed.
 *
 *   node test/race/eight-writers.mjs --minutes 10            on what is built in dist/; prints one JSON document
 *   node test/race/eight-writers.mjs --minutes 10 --kill     ends writers by SIGKILL at random, others take their place
 *   node test/race/eight-writers.mjs --commits 5             until every writer has landed that many, or has nothing left to do
 *   --seed n, --version 2 | 3, --mode copy-on-write, --fsync off, --keep: the lake is not removed
 *
 * Exits 1 when a snapshot is not what its history says, an acknowledged commit is not there once, a file that is
 * referred to is missing, a file that nothing refers to is of a commit that did not fail, or, where the race has a
 * time, a writer landed nothing for ten seconds.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { connect } from '../../dist/index.js'
import { createRandom } from '../fuzz/random.mjs'
import { createFollower, longestPauses, looseFiles } from './race-check.mjs'
import { COLUMNS, OVER_FILE, ROLES, TABLE } from './race-steps.mjs'

const { values: args } = parseArgs({
  options: {
    minutes: { type: 'string' },
    commits: { type: 'string' },
    kill: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    version: { type: 'string', default: '3' },
    mode: { type: 'string', default: 'merge-on-read' },
    fsync: { type: 'string', default: 'on' },
    keep: { type: 'boolean', default: false },
  },
})

const PAUSE_MS_MAX = 10_000
/** Replayed snapshots that stay when the others expire. */
const RETAIN_LAST = 25
const random = createRandom(Number(args.seed))
const folder = mkdtempSync(join(tmpdir(), 'serac-race-'))
const lake = await connect({ baseFolder: folder, fsync: args.fsync !== 'off' })
const table = await lake.createTable(TABLE, COLUMNS, {
  formatVersion: Number(args.version),
  partitionBy: ['grp'],
  properties: {
    'write.delete.mode': args.mode,
    'write.update.mode': args.mode,
    'write.merge.mode': args.mode,
    'commit.retry.num-retries': '100',
    'commit.retry.max-wait-ms': '2000',
    'commit.retry.total-timeout-ms': '120000',
    'write.metadata.previous-versions-max': '20',
    'write.metadata.delete-after-commit.enabled': 'true',
  },
})

const untilMs =
  args.minutes === undefined ? Number.MAX_SAFE_INTEGER : Date.now() + Number(args.minutes) * 60_000
const commitsMax = args.commits ?? String(Number.MAX_SAFE_INTEGER)
const writers = ROLES.map((role, writer) => ({ role, writer, generation: 0, kills: 0, journals: [] }))
const follower = createFollower(table)
const faults = []
let expired = 0
/** Writers that have not ended by themselves. */
let running = ROLES.length

await Promise.all([race(), watch()])
await follower.catchUp()
await follower.compareAll()
const report = await findings()
console.log(JSON.stringify(report))
await lake.close()
if (!args.keep) rmSync(folder, { recursive: true, force: true })
process.exitCode = report.faults.length > 0 ? 1 : 0

// ---------------------------------------------------------------- the race

async function race() {
  await Promise.all(writers.map(runWriter))
}

/** Runs generations of a writer, one behind the other, until one ends by itself. */
async function runWriter(writer) {
  for (;;) {
    const journal = join(folder, `journal-${writer.writer}-${writer.generation}`)
    writer.journals.push(journal)
    const given = [folder, writer.writer, writer.generation, journal, untilMs, commitsMax].map(String)
    const child = spawn(process.execPath, [join(import.meta.dirname, 'race-writer.mjs'), ...given], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, RACE_FSYNC: args.fsync },
    })
    const ended = new Promise(resolve => child.once('exit', (code, signal) => resolve({ code, signal })))
    const { code, signal } = args.kill ? await killedOrEnded(child, ended) : await ended
    if (signal === 'SIGKILL') {
      writer.kills++
      writer.generation++
      continue
    }
    if (code !== 0) faults.push(`writer ${writer.writer} ended with ${code ?? signal}`)
    running--
    // Nobody else makes anything that the last could compact.
    if (running === 1) writeFileSync(join(folder, OVER_FILE), '')
    return
  }
}

/** Some seconds, and a writer that is still there is no more. */
async function killedOrEnded(child, ended) {
  const patience = new AbortController()
  const kill = wait(1500 + random.below(6000), undefined, { signal: patience.signal }).then(
    () => Date.now() < untilMs && child.kill('SIGKILL'),
    () => undefined,
  )
  const end = await ended
  patience.abort()
  await kill
  return end
}

/** Replays what landed, and expires it. */
async function watch() {
  let rounds = 0
  do {
    await wait(args.minutes === undefined ? 200 : 1000)
    await follower.catchUp()
    if (rounds++ % 10 === 9) {
      await follower.compareAll()
      expired += await expire()
    }
  } while (running > 0)
}

/** Snapshots that were replayed, and no others. */
async function expire() {
  const snapshots = await table.snapshots()
  const ids = snapshots.map(({ snapshotId }) => snapshotId).filter(id => follower.replayed.has(id))
  const snapshotIds = ids.slice(0, -RETAIN_LAST)
  if (snapshotIds.length === 0) return 0
  const report = await table.expire({ snapshotIds })
  if (report.failed.length > 0) faults.push(`expiry could not delete ${report.failed.length} files`)
  return report.snapshotIds.length
}

// ---------------------------------------------------------------- what was found

async function findings() {
  const fates = {}
  const stepOfUuid = new Map()
  const open = new Set()
  const acknowledged = []
  let [beginMs, endMs] = [0, Number.MAX_SAFE_INTEGER]
  for (const { role, journals } of writers) {
    for (const [generation, journal] of journals.entries()) {
      let step = `${role} before its first step`
      const entries = linesOf(journal)
      for (const { up, uuid, begin, end, fate, failed, error, at } of entries) {
        if (up && generation === 0) beginMs = Math.max(beginMs, at)
        if (begin !== undefined) step = begin
        if (begin !== undefined) open.add(begin)
        if (uuid !== undefined) stepOfUuid.set(uuid, step)
        if (failed !== undefined) faults.push(`${failed} failed: ${error}`)
        if (end === undefined) continue
        fates[`${role} ${fate}`] = (fates[`${role} ${fate}`] ?? 0) + 1
        if (fate !== 'unknown' && fate !== 'failed') open.delete(end)
        if (fate === 'committed' && role !== 'compact') acknowledged.push(end)
      }
      if (generation === journals.length - 1) endMs = Math.min(endMs, entries.at(-1)?.at ?? 0)
    }
  }
  for (const name of acknowledged)
    if (follower.landed.get(name) !== 1)
      faults.push(`${name} was acknowledged and landed ${follower.landed.get(name) ?? 0} times`)
  for (const [name, times] of follower.landed) if (times > 1) faults.push(`${name} landed ${times} times`)
  const { orphans, missing } = await looseFiles(table)
  for (const path of missing) faults.push(`a file that is referred to is missing: ${path}`)
  const explained = orphans.filter(path => {
    const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/.exec(basename(path))?.[0]
    return open.has(stepOfUuid.get(uuid))
  })
  for (const path of orphans)
    if (!explained.includes(path)) faults.push(`nothing refers to a file of a step that ended: ${path}`)
  const pauses = longestPauses(follower.commitTimes, { beginMs, endMs })
  // A writer that is killed again and again may never live as long as its step takes.
  if (follower.commitTimes.size < ROLES.length && !args.kill) faults.push('a writer landed nothing')
  if (args.minutes !== undefined && !args.kill)
    for (const [writer, ms] of Object.entries(pauses))
      if (ms > PAUSE_MS_MAX) faults.push(`writer ${writer} landed nothing for ${ms} ms`)
  return {
    seed: Number(args.seed),
    seconds: Math.round((endMs - beginMs) / 1000),
    snapshots: follower.replayed.size,
    rows: follower.rows,
    expired,
    kills: writers.reduce((sum, { kills }) => sum + kills, 0),
    fates,
    longestPausesMs: pauses,
    orphansOfKilledSteps: explained.length,
    faults: [...faults, ...follower.faults].slice(0, 40),
  }
}

function linesOf(journal) {
  try {
    // The last line of a killed writer may be cut off.
    return readFileSync(journal, 'utf8')
      .split('\n')
      .flatMap(line => (line.endsWith('}') ? [JSON.parse(line)] : []))
  } catch {
    return []
  }
}
