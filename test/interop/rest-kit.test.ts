/** Java's REST Compatibility Kit against `serac serve` on an embedded catalog: every test that the kit has for it passes. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { connect } from '../../src/index.js'
import { startServer } from '../../src/server.js'
import { judgeIsHere } from '../judges/judge.js'

const RUN = join(import.meta.dirname, '../judges/rck/run.sh')
const SWITCHES = '-Drck.supports-variant=true -Drck.supports-names-with-dot=true'

function runKit(uri: string): Promise<string> {
  const env = { ...process.env, RCK_PROPS: SWITCHES }
  return new Promise(resolve => {
    execFile(RUN, [uri], { env }, (_error, stdout, stderr) => resolve(`${stdout}${stderr}`))
  })
}

it.runIf(judgeIsHere('rck'))('the REST compatibility kit passes', { timeout: 600_000 }, async () => {
  const cwd = await mkdtemp(join(tmpdir(), 'serac-kit-'))
  const lake = await connect({ baseFolder: cwd })
  const errors: unknown[] = []
  const server = await startServer({
    lake,
    port: 0,
    log: record => {
      if (record.event === 'error') errors.push(record)
    },
  })
  const report = await runKit(server.uri)
  await server.close()
  await lake.close()
  await rm(cwd, { recursive: true, force: true })
  const lines = report.split('\n')
  expect(lines.filter(line => line.startsWith('FAILED'))).toEqual([])
  expect(lines.find(line => line.startsWith('passed='))).toMatch(/^passed=147 failed=0 skipped=10 /)
  expect(errors).toEqual([])
})
