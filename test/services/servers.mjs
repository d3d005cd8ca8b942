/**
 * Starts the servers that `setup.sh` installed, for suites, benchmarks, and by hand:
 *
 *   node test/services/servers.mjs dynamodb versitygw      prints how to reach them; ends them when it is ended
 *
 * Every start is an instance of its own on a port of its own, with nothing in it but, for S3, an empty bucket. It ends
 * with the process that started it, however that ends: a shell between the two waits for its input to close, and tidies up.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

export const SERVICES_DIR = process.env.SERAC_SERVICES_DIR ?? join(homedir(), '.cache', 'serac-services')
export const BUCKET = 'serac-test'

/** DynamoDB Local takes letters and digits only. */
const KEY_ID = 'seractest'
const SECRET = 'seractestsecret'
const REGION = 'us-east-1'

const READY_MS_MAX = 60_000
const STARTS_MAX = 3
/** Runs its other arguments until they end or the input closes, then removes the folder that is the first. */
const UNTIL_INPUT_CLOSES = `
folder=$1; shift
exec 3<&0
"$@" 3<&- & server=$!
exec >/dev/null 2>&1 # nobody may be there any more to read what it says
(read _ <&3; kill -9 $server) & watcher=$!
exec 3<&-
wait $server
kill $watcher
rm -rf "$folder"`

const COMMANDS = {
  dynamodb: port => ({
    command: [
      'java',
      `-Xmx${process.env.SERAC_DYNAMODB_HEAP ?? '512m'}`,
      // The first of two compilers is enough: it starts in half the time.
      '-XX:TieredStopAtLevel=1',
      '-XX:+UseSerialGC',
      `-Djava.library.path=${join(SERVICES_DIR, 'dynamodb')}`,
      '-cp',
      join(SERVICES_DIR, 'dynamodb', '*'),
      'software.amazon.dynamodb.services.local.main.ServerRunner',
      ...['-inMemory', '-sharedDb', '-disableTelemetry', '-port', `${port}`],
    ],
    // Telemetry is on unless this and the flag say otherwise.
    env: { DDB_LOCAL_TELEMETRY: '0' },
  }),
  // Not with --keep-alive: 1.8.0 leaves the end of a streamed upload unread, and then the next request on that
  // connection fails. Metadata is in extended attributes; a file system without them needs the folder beside it.
  versitygw: (port, folder) => ({
    command: [
      join(SERVICES_DIR, 'versitygw', 'versitygw'),
      ...['--port', `127.0.0.1:${port}`, '--region', REGION, '--quiet', 'posix'],
      ...(process.env.SERAC_S3_SIDECAR === '1' ? ['--sidecar', join(folder, 'attributes')] : []),
      join(folder, 'data'),
    ],
    env: { ROOT_ACCESS_KEY: KEY_ID, ROOT_SECRET_KEY: SECRET },
  }),
  minio: (port, folder) => ({
    command: [
      join(SERVICES_DIR, 'minio', 'minio'),
      ...['server', '--quiet', '--address', `127.0.0.1:${port}`, join(folder, 'data')],
    ],
    env: {
      MINIO_ROOT_USER: KEY_ID,
      MINIO_ROOT_PASSWORD: SECRET,
      MINIO_BROWSER: 'off',
      MINIO_UPDATE: 'off',
      MINIO_CONFIG_DIR: join(folder, 'config'),
    },
  }),
}

export function isInstalled(name) {
  return existsSync(join(SERVICES_DIR, name, 'installed.txt'))
}

export function propertiesAt(name, endpoint) {
  const service = name === 'dynamodb' ? 'dynamodb' : 's3'
  return {
    [`${service}.endpoint`]: endpoint,
    [`${service}.region`]: REGION,
    [`${service}.access-key-id`]: KEY_ID,
    [`${service}.secret-access-key`]: SECRET,
    ...(service === 's3' ? { 's3.path-style-access': 'true' } : {}),
  }
}

export async function startServer(name) {
  if (!isInstalled(name)) throw new Error(`${name} is not installed: bash test/services/setup.sh ${name}`)
  for (let start = 1; ; start++) {
    const service = await startOnce(name)
    if (service.failed === undefined) return service
    // Somebody else may have taken the port between its choice and its use.
    if (start === STARTS_MAX) throw new Error(`${name} ended while it started: ${service.failed}`)
  }
}

async function startOnce(name) {
  const folder = mkdtempSync(join(tmpdir(), `serac-${name}-`))
  // Both S3 servers take a folder in their data folder for a bucket.
  mkdirSync(join(folder, 'data', BUCKET), { recursive: true })
  mkdirSync(join(folder, 'attributes'))
  const port = await freePort()
  const { command, env } = COMMANDS[name](port, folder)
  const shell = spawn('/bin/sh', ['-c', UNTIL_INPUT_CLOSES, 'sh', folder, ...command], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  let said = ''
  const listen = chunk => {
    said = (said + chunk).slice(-4000)
  }
  shell.stdout.on('data', listen)
  shell.stderr.on('data', listen)
  shell.stdin.on('error', () => undefined)
  let hasEnded = false
  const ended = new Promise(resolve => {
    shell.once('close', () => {
      hasEnded = true
      resolve()
    })
  })
  // A process may end although it has servers: they go with it.
  for (const handle of [shell, shell.stdin, shell.stdout, shell.stderr]) handle.unref()
  const stop = async () => {
    shell.ref()
    shell.stdin.end()
    await ended
  }
  const endpoint = `http://127.0.0.1:${port}`
  const untilMs = Date.now() + READY_MS_MAX
  while (!(await answers(name, port))) {
    if (hasEnded || Date.now() > untilMs) {
      await stop()
      return { failed: said }
    }
    await wait(30)
  }
  return { endpoint, properties: propertiesAt(name, endpoint), stop }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

/** A request that the server must understand, not only an open port. An S3 server refuses what is not signed. */
function answers(name, port) {
  const isDynamo = name === 'dynamodb'
  const scope = `${KEY_ID}/20260101/${REGION}/dynamodb/aws4_request`
  return new Promise(resolve => {
    const asked = request({
      ...{ host: '127.0.0.1', port, path: '/', agent: false, timeout: 2000 },
      method: isDynamo ? 'POST' : 'GET',
      headers: isDynamo
        ? {
            'content-type': 'application/x-amz-json-1.0',
            'x-amz-target': 'DynamoDB_20120810.ListTables',
            authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`,
          }
        : {},
    })
    asked.once('response', answer => {
      answer.resume()
      resolve(isDynamo ? answer.statusCode === 200 : answer.statusCode === 403)
    })
    asked.once('timeout', () => asked.destroy())
    asked.once('error', () => resolve(false))
    asked.end(isDynamo ? '{}' : undefined)
  })
}

if (import.meta.filename === process.argv[1]) {
  const services = await Promise.all(process.argv.slice(2).map(startServer))
  for (const { properties } of services)
    for (const [key, value] of Object.entries(properties)) console.log(`${key}=${value}`)
  const untilEnded = setInterval(() => undefined, 1 << 30)
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.once(signal, async () => {
      clearInterval(untilEnded)
      await Promise.all(services.map(service => service.stop()))
    })
}
