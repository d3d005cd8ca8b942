/** Java's own REST catalog server, over a database in memory and a warehouse on this disk. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemRuntime } from '../../src/base/runtime.js'

const JARS = join(process.env.SERAC_JUDGES_DIR ?? join(homedir(), '.cache', 'serac-judges'), 'rck', 'jars')

/** False only where the server is missing and may be: outside CI. `test/judges/rck/setup.sh` installs it. */
export function javaServerIsHere(): boolean {
  return process.env.CI === 'true' || existsSync(JARS)
}

export interface JavaServer {
  readonly uri: string
  readonly warehouse: string
  stop(): Promise<void>
}

export async function startJavaServer(): Promise<JavaServer> {
  const warehouse = await mkdtemp(join(tmpdir(), 'serac-java-rest-'))
  const port = await freePort()
  const child = spawn('java', ['-Xmx384m', '-cp', `${JARS}/*`, 'org.apache.iceberg.rest.RESTCatalogServer'], {
    env: {
      ...process.env,
      CATALOG_WAREHOUSE: warehouse,
      CATALOG_REST_PORT: String(port),
      CATALOG_JDBC_STRICT__MODE: 'true',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4000)
  })
  const ended = once(child, 'exit')
  const uri = `http://127.0.0.1:${port}`
  for (let waitMs = 0; !(await answers(uri)); waitMs += 200) {
    if (child.exitCode !== null || waitMs > 90_000) throw new Error(`the server did not start: ${said}`)
    await systemRuntime.sleep(200)
  }
  return {
    uri,
    warehouse,
    async stop() {
      child.kill()
      await ended
      await rm(warehouse, { recursive: true, force: true })
    },
  }
}

async function answers(uri: string): Promise<boolean> {
  try {
    return (await fetch(`${uri}/v1/config`)).ok
  } catch {
    return false
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
