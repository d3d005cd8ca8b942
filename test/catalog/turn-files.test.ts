/** Turns of writers: who queues is let go first, and nobody is waited for without end. */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import { createTurnFiles } from '../../src/catalog/turn-files.js'
import type { CommitTurns } from '../../src/catalog/turns.js'

const TABLE = ['a.t']
const OTHER = ['a.other']

let folder: string
let turns: CommitTurns
let others: CommitTurns
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'serac-turns-')), 'turns')
  turns = createTurnFiles(folder, systemRuntime)
  others = createTurnFiles(folder, systemRuntime)
})
afterEach(async () => {
  await rm(join(folder, '..'), { recursive: true, force: true })
})

describe('turns', () => {
  it('cost nothing while nobody queues: no folder is made', async () => {
    expect(await turns.wait(TABLE)).toBe('none')
    expect(existsSync(folder)).toBe(false)
  })

  it('hold others up until the one in front leaves', async () => {
    const turn = await others.queue(TABLE)
    let isFree = false
    const waiting = turns.wait(TABLE).then(waited => {
      isFree = true
      return waited
    })
    await systemRuntime.sleep(60)
    expect(isFree).toBe(false)
    await turn?.leave()
    expect(await waiting).toBe('done')
  })

  it('are of one table', async () => {
    await others.queue(OTHER)
    expect(await turns.wait(TABLE)).toBe('none')
  })

  it('are in the order of coming', async () => {
    const first = await others.queue(TABLE)
    await systemRuntime.sleep(5)
    const second = await turns.queue(TABLE)
    expect(await others.wait(TABLE, { turn: first })).toBe('none')
    expect(await turns.wait(TABLE, { turn: second, waitMsMax: 30 })).toBe('not-yet')
    await first?.leave()
    expect(await turns.wait(TABLE, { turn: second })).not.toBe('not-yet')
  })

  it('of a process that has died hold nobody up', async () => {
    await mkdir(folder, { recursive: true })
    const turn = await others.queue(TABLE)
    const [name = ''] = await readdir(folder)
    await turn?.leave()
    const parts = name.split('_')
    parts[2] = encodeURIComponent(hostname()).replaceAll('_', '%5F')
    // Beyond the largest number that Linux gives a process.
    parts[3] = '4194999'
    await writeFile(join(folder, parts.join('_')), '')
    expect(await turns.wait(TABLE)).toBe('none')
    expect(await readdir(folder)).toEqual([])
  })

  it('of a writer that hangs end: the others go on', async () => {
    let nowMs = 1_000_000
    const runtime = {
      ...systemRuntime,
      nowMs: () => nowMs,
      sleep: async () => {
        nowMs += 500
      },
    }
    await others.queue(TABLE)
    expect(await createTurnFiles(folder, runtime).wait(TABLE)).toBe('done')
    expect(await readdir(folder)).toEqual([])
  })

  it('are given up when the catalog is closed, and a wait is when its caller leaves', async () => {
    await others.queue(TABLE)
    const leaving = new AbortController()
    const waiting = turns.wait(TABLE, { signal: leaving.signal })
    leaving.abort()
    await expect(waiting).rejects.toMatchObject({ kind: 'aborted' })
    await others.close()
    expect(await turns.wait(TABLE)).toBe('none')
  })
})
