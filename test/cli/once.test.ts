/** `--once`, `--actor`, `--job`: writes that are done once and say who made them, and processes that die on the way. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { seracError, seracOk } from '../support/cli.js'

const ENGINE = resolve(import.meta.dirname, '../../dist')

let cwd: string
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'serac-once-'))
  await writeFile(join(cwd, 'a.jsonl'), '{"id": 1, "n": 1}\n{"id": 2, "n": 2}\n')
  await run('table', 'create', 's.t', 'id bigint not null, n int', '--keys', 'id')
  await run('ingest', 's.t', 'a.jsonl')
})
afterEach(async () => {
  await rm(cwd, { recursive: true, force: true })
})

const run = (...args: readonly string[]): Promise<string> => seracOk(args, { cwd })
const json = async (...args: readonly string[]) => JSON.parse(await run(...args, '--json'))
const rows = async (): Promise<string[]> => (await run('scan', 's.t', '--json')).trim().split('\n').sort()

describe('--once', () => {
  const STEP = ['--once', 'nightly', '--token', 'monday'] as const

  it.each([
    { name: 'ingest', args: ['ingest', 's.t', 'a.jsonl'] },
    { name: 'upsert', args: ['ingest', 's.t', 'a.jsonl', '--mode', 'upsert'] },
    { name: 'update', args: ['update', 's.t', '--set', 'n = n + 1'] },
    { name: 'delete', args: ['delete', 's.t', '--where', 'id = 1'] },
  ])('does it once: $name', async ({ args }) => {
    const first = await json(...args, ...STEP)
    const after = await rows()
    expect(first.changed).toBe(true)
    expect(await json(...args, ...STEP)).toMatchObject({
      changed: false,
      replayed: true,
      snapshotId: first.snapshotId,
      summary: first.summary,
    })
    expect(await rows()).toEqual(after)
    expect(await run(...args, ...STEP)).toMatch(/^done before by snapshot \d+: /)
  })

  it('follows the order of positions, and can be told to go on', async () => {
    const at = (position: string, ...more: string[]) =>
      json(
        'update',
        's.t',
        '--set',
        'n = n + 1',
        '--once',
        's',
        '--token',
        `t${position}`,
        '--position',
        position,
        ...more,
      )
    expect(await at('10')).toMatchObject({ changed: true })
    expect(await at('9')).toMatchObject({ replayed: true })
    expect(await at('9', '--reset-position')).toMatchObject({ changed: true })
    expect(await at('10')).toMatchObject({ replayed: true })
  })

  it.each([
    ['--once', 'nightly'],
    ['--token', 'monday'],
    ['--position', '3'],
    ['--reset-position'],
  ])('needs a stream and a token: %s alone', async (...given) => {
    const args = ['delete', 's.t', '--where', 'id = 1', ...given]
    expect(await seracError(args, { cwd })).toMatchObject({ kind: 'invalid-argument' })
  })
})

describe('the summary of a snapshot', () => {
  it('says who wrote and by which job, by options or variables', async () => {
    await run('delete', 's.t', '--where', 'id = 1', '--actor', 'ann', '--job', 'cleaning')
    const environment = { SERAC_ACTOR: 'robot', SERAC_JOB: 'nightly' }
    await seracOk(['delete', 's.t', '--where', 'id = 2', '--job', 'other'], { cwd, environment })
    const snapshots = JSON.parse(await run('snapshots', 's.t', '--json')) as readonly { summary: unknown }[]
    expect(snapshots.map(({ summary }) => summary).slice(1)).toMatchObject([
      { 'serac.actor': 'ann', 'serac.job': 'cleaning' },
      { 'serac.actor': 'robot', 'serac.job': 'other' },
    ])
  })
})

describe.skipIf(!existsSync(join(ENGINE, 'commit/once.js')))(
  'a process that is killed (needs npm run build)',
  () => {
    const work = async (phase?: 'before' | 'after'): Promise<string> => {
      const argument = JSON.stringify({ engine: ENGINE, baseFolder: cwd, table: 's.t', phase })
      const { stdout } = await promisify(execFile)(process.execPath, [
        join(import.meta.dirname, 'once-worker.mjs'),
        argument,
      ])
      return stdout
    }

    it.each([
      'before',
      'after',
    ] as const)('%s the swap has its write done once by who repeats it', async phase => {
      await expect(work(phase)).rejects.toMatchObject({ signal: 'SIGKILL' })
      const report = JSON.parse(await work())
      expect(report.replayed === true).toBe(phase === 'after')
      expect(JSON.parse(await work())).toMatchObject({ replayed: true, snapshotId: report.snapshotId })
      expect(await rows()).toEqual(['{"id":1,"n":2}', '{"id":2,"n":3}'])
    })
  },
)
