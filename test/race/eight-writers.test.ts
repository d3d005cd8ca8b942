/** The race of eight writers in its short form; `eight-writers.mjs` says what is looked at, and how to run it for long. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const SCRIPT = join(import.meta.dirname, 'eight-writers.mjs')
const TIMEOUT_MS = 600_000

interface RaceReport {
  readonly snapshots: number
  readonly kills: number
  readonly faults: readonly string[]
}

describe('eight processes that append, upsert, delete, update and compact one table', () => {
  it.each([
    { version: '2', mode: 'copy-on-write' },
    { version: '3', mode: 'merge-on-read' },
  ])('leave in every snapshot what its history says: v$version, $mode', {
    timeout: TIMEOUT_MS,
  }, async given => {
    const { version, mode } = given
    const commits = process.env.CI === 'true' ? '10' : '2'
    const report = await race(['--commits', commits, '--version', version, '--mode', mode, '--fsync', 'off'])
    expect(report.faults).toEqual([])
    // Compaction lands as often as there is something to compact.
    expect(report.snapshots).toBeGreaterThanOrEqual(7 * Number(commits) + 1)
  })

  it.runIf(process.env.CI === 'true')(
    'do so when some of them are killed',
    { timeout: TIMEOUT_MS },
    async () => {
      const report = await race(['--minutes', '0.7', '--kill'])
      expect(report.faults).toEqual([])
      expect(report.kills).toBeGreaterThan(5)
    },
  )
})

function race(args: readonly string[]): Promise<RaceReport> {
  expect(existsSync(join(import.meta.dirname, '../../dist/index.js')), 'npm run build').toBe(true)
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [SCRIPT, ...args], { maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      // With faults it exits 1, and says them all the same.
      if (stdout.startsWith('{')) resolve(JSON.parse(stdout) as RaceReport)
      else reject(error ?? new Error(`the race said nothing: ${stderr}`))
    })
  })
}
