/** `serac demo`: a whole tour on a real feed, which ends with a comparison with the source. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { seracError, seracOk } from '../support/cli.js'

let cwd: string
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'serac-demo-'))
})
afterEach(async () => {
  await rm(cwd, { recursive: true, force: true })
})

describe('the demo', () => {
  it('shows all it should, and leaves a lake that equals its source', async () => {
    const text = await seracOk(['demo', 'mine'], { cwd })
    for (const part of [
      'applied exactly once',
      'format version 2, keyed by id',
      'Its snapshots',
      'seen from before and after',
      'What changed from',
      'What a selective query reads',
      'Compaction and expiry',
      'shop.accounts equals its source',
      'shop.customers equals its source',
      'scan shop.customers --where',
    ])
      expect(text).toContain(part)
    const skipped = /^data files +(\d+) +(\d+)$/m.exec(text)
    expect(Number(skipped?.[2])).toBeLessThan(Number(skipped?.[1]))
    const source = await readFile(join(import.meta.dirname, '../../demo/expected-customers.jsonl'), 'utf8')
    const rows = await seracOk(['--warehouse', 'mine', 'scan', 'shop.customers', '--json'], { cwd })
    expect(rows.split('\n').sort()).toEqual(source.split('\n').sort())
    expect(await seracError(['demo', 'mine'], { cwd })).toMatchObject({
      kind: 'already-exists',
      context: { folder: 'mine' },
    })
  })

  it('fails when a table differs from its source', async () => {
    const withAnotherTruth = async (path: string): Promise<Uint8Array> => {
      const bytes = await readFile(path)
      if (!path.endsWith('expected-customers.jsonl')) return bytes
      const lines = bytes.toString().split('\n')
      return Buffer.from([...lines.slice(1)].join('\n'))
    }
    expect(await seracError(['demo'], { cwd, readFile: withAnotherTruth })).toMatchObject({
      kind: 'corrupt',
      context: { table: 'shop.customers' },
    })
    expect(await readdir(cwd)).toEqual(['serac-demo'])
  })
})
