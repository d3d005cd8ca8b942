/**
 * Java's REST Compatibility Kit against `serac serve`, on an embedded catalog and on DynamoDB: every test that the kit has for
 * them passes.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import { openDynamoDbCatalog } from '../../src/catalog/dynamodb.js'
import { connect, type Lake, openLake } from '../../src/index.js'
import { createLocalIO } from '../../src/io/local.js'
import { startServer } from '../../src/server.js'
import { judgeIsHere } from '../judges/judge.js'
import { serviceIsHere, startService } from '../services/service.js'

const RUN = join(import.meta.dirname, '../judges/rck/run.sh')
const VARIANT = '-Drck.supports-variant=true'
const DOTS = '-Drck.supports-names-with-dot=true'

interface KitReport {
  readonly failed: readonly string[]
  /** `passed=.. failed=.. skipped=..` */
  readonly counts: string
  /** Answers that told of an error of the server. */
  readonly errors: readonly unknown[]
}

async function runKit(lake: Lake, switches: string): Promise<KitReport> {
  const errors: unknown[] = []
  const server = await startServer({
    lake,
    port: 0,
    log: record => {
      if (record.event === 'error') errors.push(record)
    },
  })
  const env = { ...process.env, RCK_PROPS: switches }
  const report = await new Promise<string>(resolve => {
    execFile(RUN, [server.uri], { env }, (_error, stdout, stderr) => resolve(`${stdout}${stderr}`))
  })
  await server.close()
  const lines = report.split('\n')
  return {
    failed: lines.filter(line => line.startsWith('FAILED')),
    counts: lines.find(line => line.startsWith('passed='))?.replace(/ seconds=.*/, '') ?? report,
    errors,
  }
}

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'serac-kit-'))
  try {
    await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

describe.runIf(judgeIsHere('rck'))('the REST compatibility kit', () => {
  it('passes on an embedded catalog', { timeout: 600_000 }, () =>
    withFolder(async baseFolder => {
      await using lake = await connect({ baseFolder })
      expect(await runKit(lake, `${VARIANT} ${DOTS}`)).toEqual({
        failed: [],
        counts: 'passed=147 failed=0 skipped=10',
        errors: [],
      })
    }),
  )

  it.runIf(serviceIsHere('dynamodb'))('passes on DynamoDB, which has no dots', { timeout: 600_000 }, () =>
    withFolder(async folder => {
      const service = await startService('dynamodb')
      const runtime = systemRuntime
      const io = createLocalIO({ runtime })
      const { properties } = service
      const warehouse = `file://${folder}`
      const catalog = await openDynamoDbCatalog({ properties, warehouse, io, runtime })
      const lake = openLake({ catalog, io, runtime })
      const report = await runKit(lake, VARIANT)
      await lake.close()
      await service.stop()
      expect(report).toEqual({ failed: [], counts: 'passed=145 failed=0 skipped=12', errors: [] })
    }),
  )
})
