/** `serac serve`: a REST catalog from the command line, until it is told to end. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runCli } from '../../src/cli/run.js'
import { seracError, seracOk } from '../support/cli.js'

let cwd: string
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'serac-serve-'))
})
afterEach(() => rm(cwd, { recursive: true, force: true }))

/** The command while it runs; `end` tells it to end, as a signal of the system does. */
async function serve(...args: readonly string[]) {
  const abort = new AbortController()
  const written = { stdout: '', stderr: '' }
  let hasBegun = (): void => undefined
  const begun = new Promise<void>(resolve => {
    hasBegun = resolve
  })
  const sink = (name: 'stdout' | 'stderr') => ({
    write: (text: string | Uint8Array) => {
      written[name] += String(text)
      if (name === 'stdout') hasBegun()
      return true
    },
    once: () => undefined,
  })
  const exit = runCli(['serve', '--port', '0', ...args], {
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    stdin: (async function* () {})(),
    cwd,
    environment: {},
    readFile,
    writeFile,
    signal: abort.signal,
  })
  await Promise.race([begun, exit])
  const end = async (): Promise<number> => {
    abort.abort()
    return exit
  }
  return { written, end }
}

const jsonAt = async (uri: string) => JSON.parse(await (await fetch(uri)).text())

const events = (stderr: string): readonly string[] =>
  stderr
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line).event)

describe('serac serve', () => {
  it('serves the lake, logs as lines of JSON, and ends with 0', async () => {
    await seracOk(['table', 'create', 'shop.orders', 'id bigint'], { cwd })
    const { written, end } = await serve('--client-property', 's3.region=eu')
    const [, uri = ''] = /^serving (\S+)\n$/.exec(written.stdout) ?? []
    const config = await jsonAt(`${uri}/v1/config`)
    expect(config.defaults).toEqual({ 's3.region': 'eu' })
    const listed = await jsonAt(`${uri}/v1/namespaces/shop/tables`)
    expect(listed.identifiers).toEqual([{ namespace: ['shop'], name: 'orders' }])
    expect(await end()).toBe(0)
    expect(events(written.stderr)).toEqual(['start', 'request', 'request', 'stop'])
    await expect(fetch(`${uri}/v1/config`)).rejects.toThrow()
  })

  it('tells its address as JSON, and logs changes alone with --quiet', async () => {
    const { written, end } = await serve('--json', '--quiet')
    const { uri } = JSON.parse(written.stdout)
    const body = JSON.stringify({ namespace: ['shop'] })
    await fetch(`${uri}/v1/namespaces`, { method: 'POST', body })
    expect(await end()).toBe(0)
    expect(events(written.stderr)).toEqual(['start', 'audit', 'stop'])
  })

  it('asks for tokens when it is given principals', async () => {
    const token = 'the-token-of-the-test'
    const grants = [{ access: 'manage' }]
    const principals = [{ name: 'ann', token, grants }]
    await writeFile(join(cwd, 'who.json'), JSON.stringify({ principals }))
    const { written, end } = await serve('--principals', 'who.json', '--json')
    const { uri } = JSON.parse(written.stdout)
    expect((await fetch(`${uri}/v1/config`)).status).toBe(401)
    const headers = { authorization: `Bearer ${token}` }
    expect((await fetch(`${uri}/v1/config`, { headers })).status).toBe(200)
    expect(await end()).toBe(0)
    expect(written.stderr).not.toContain(token)
  })

  it('says what is wrong before it serves', async () => {
    const wrong = (...args: string[]) => seracError(['serve', '--port', '0', ...args], { cwd })
    expect(await wrong('--host', '0.0.0.0')).toMatchObject({
      kind: 'invalid-argument',
      context: { host: '0.0.0.0' },
    })
    await writeFile(join(cwd, 'who.json'), '{"principals":[{"name":"ann"}]}')
    expect((await wrong('--principals', 'who.json')).kind).toBe('invalid-argument')
    expect((await wrong('--request-timeout', 'soon')).kind).toBe('invalid-argument')
    expect((await wrong('--tls-cert', 'none.pem')).kind).toBe('invalid-argument')
  })
})
