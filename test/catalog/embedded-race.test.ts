/**
 * Processes that race on one database file: everything acknowledged is there afterwards. A driver that loses
 * acknowledged transactions (there is one) fails here.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemRuntime as runtime } from '../../src/base/runtime.js'
import { openEmbeddedCatalog } from '../../src/catalog/embedded.js'
import { createLocalIO } from '../../src/io/local.js'
import { createTable } from '../contract/catalog.js'
import { judgeIsHere, pythonOf } from '../judges/judge.js'

const ROOT = resolve(import.meta.dirname, '../..')
const TABLE = { namespace: ['race'], name: 't' }
const run = promisify(execFile)

describe('processes that commit to one file at once', () => {
  let folder: string
  let engine: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'serac-race-'))
    engine = join(folder, 'engine')
    await compileEngine()
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  /** Child processes run JavaScript: the sources as they are now, not an old build. */
  async function compileEngine(): Promise<void> {
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
    const target = ['--noCheck', '--outDir', engine, '--incremental', 'false', '--tsBuildInfoFile', 'null']
    await run(process.execPath, [tsc, '-p', join(ROOT, 'tsconfig.build.json'), ...target])
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  }

  async function race(
    lake: string,
    writers: readonly (readonly [string, readonly string[]])[],
  ): Promise<void> {
    const io = createLocalIO({ runtime, fsync: false })
    const catalog = await openEmbeddedCatalog({
      path: join(lake, 'catalog.db'),
      warehouse: lake,
      io,
      runtime,
    })
    await catalog.createNamespace(['race'])
    await createTable(catalog, TABLE)
    const outputs = await Promise.all(writers.map(([file, args]) => run(file, args)))
    const acknowledged = outputs.flatMap(({ stdout }) => stdout.split('\n').filter(line => line !== ''))
    const { metadata } = await catalog.loadTable(TABLE)
    await catalog.close()
    expect(acknowledged.filter(key => !Object.hasOwn(metadata.properties, key))).toEqual([])
    const keys = Object.keys(metadata.properties).filter(key => /^w\d|^py/.test(key))
    expect(keys.sort()).toEqual(acknowledged.sort())
    expect(new Set(metadata.metadataLog.map(entry => entry.metadataFile)).size).toBe(
      metadata.metadataLog.length,
    )
  }

  function nodeWriters(lake: string, commits: number): readonly (readonly [string, readonly string[]])[] {
    const script = join(import.meta.dirname, 'race-writer.mjs')
    return [0, 1, 2, 3].map(writer => {
      const args = [script, engine, join(lake, 'catalog.db'), lake, `w${writer}`, String(commits)]
      return [process.execPath, args] as const
    })
  }

  it('lose nothing that was acknowledged: four of ours', async () => {
    const lake = join(folder, 'four')
    await race(lake, nodeWriters(lake, 25))
  })

  it.skipIf(!judgeIsHere('pyiceberg'))(
    'lose nothing that was acknowledged: four of ours and PyIceberg',
    async () => {
      const lake = join(folder, 'five')
      const script = join(import.meta.dirname, 'race_writer.py')
      const python = [pythonOf('pyiceberg'), [script, join(lake, 'catalog.db'), lake, 'py', '10']] as const
      await race(lake, [...nodeWriters(lake, 25), python])
    },
  )
})
