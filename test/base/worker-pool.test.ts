import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'

type Pool = typeof import('../../src/base/worker-pool.js')

const ROOT = resolve(import.meta.dirname, '../..')
const run = promisify(execFile)

/** What the workers of these tests run. */
const FUNCTIONS = `
import { threadId } from 'node:worker_threads'
import { LakeError } from './engine/base/errors.js'
import { transferred } from './engine/base/worker-pool.js'

let made = new Uint8Array(1)

export const double = async value => value * 2
/** Takes its time, so that the next call is for another worker. */
export const threadOf = () => new Promise(resolve => setTimeout(resolve, 20, threadId))
export const lengthOf = bytes => bytes.length
export const increment = shared => Atomics.add(shared, 0, 1)
export const make = length => {
  made = new Uint8Array(length).fill(7)
  return transferred({ made }, [made.buffer])
}
/** Waits until the other one is there as well. */
export const meet = shared => {
  Atomics.add(shared, 0, 1)
  Atomics.notify(shared, 0)
  while (Atomics.load(shared, 0) < 2) Atomics.wait(shared, 0, 1, 20)
  return Atomics.load(shared, 0)
}
/** Each worker is asked once, since each waits for the other. */
export const lengthOfMade = shared => {
  meet(shared)
  return made.length
}
/** Says that it runs, and waits until it may end. */
export const hold = shared => {
  Atomics.store(shared, 0, 1)
  Atomics.wait(shared, 1, 0)
}
export const failAsLake = () => {
  const inner = new LakeError('denied', 'no permission', { context: { key: 'k' } })
  throw new LakeError('corrupt', 'bytes break the format', { context: { page: 3, at: 9n }, cause: inner })
}
export const failOtherwise = () => { throw new RangeError('too far') }
export const leave = () => process.exit(3)
export const failLater = () => {
  setImmediate(() => { throw new Error('nobody catches this') })
  return new Promise(() => {})
}
export const answerFunction = () => () => 1
`

describe('a worker pool', () => {
  let folder: string
  let pool: Pool
  let script: URL

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'serac-workers-'))
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
    const target = ['--outDir', join(folder, 'engine'), '--incremental', 'false', '--tsBuildInfoFile', 'null']
    await run(process.execPath, [tsc, '-p', join(ROOT, 'tsconfig.build.json'), '--noCheck', ...target])
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
    await writeFile(join(folder, 'functions.js'), FUNCTIONS)
    script = pathToFileURL(join(folder, 'functions.js'))
    vi.stubEnv('SERAC_WORKER_THREADS', '2')
    pool = (await import(pathToFileURL(join(folder, 'engine/base/worker-pool.js')).href)) as Pool
  })
  afterEach(() => {
    vi.stubEnv('SERAC_WORKER_THREADS', '2')
  })
  afterAll(async () => {
    vi.unstubAllEnvs()
    await rm(folder, { recursive: true, force: true })
  })

  const call = <T>(
    name: string,
    message?: unknown,
    options?: Parameters<Pool['runInWorker']>[3],
  ): Promise<T> => pool.runInWorker<T>(script, name, message, options)
  const failureOf = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      value => expect.unreachable(`gave ${String(value)}`),
      (error: unknown) => error,
    )

  it('calls functions of the script, and gives their values in whatever order they are asked', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => call('double', index)))
    expect(answers).toEqual(Array.from({ length: 50 }, (_, index) => index * 2))
  })

  it('runs as many tasks at the same time as there are threads', async () => {
    // While the second worker starts, the first one takes what there is.
    await vi.waitFor(
      async () => {
        const [one, other] = await Promise.all([call('threadOf'), call('threadOf')])
        expect(one).not.toBe(other)
      },
      { timeout: 20_000 },
    )
    const shared = new Int32Array(new SharedArrayBuffer(4))
    expect(await Promise.all([call('meet', shared), call('meet', shared)])).toEqual([2, 2])
  })

  it('moves memory there and back instead of copying it, and shares what is shared', async () => {
    const bytes = new Uint8Array(1000)
    expect(await call('lengthOf', bytes, { transfer: [bytes.buffer] })).toBe(1000)
    expect(bytes.length).toBe(0)
    const { made } = await call<{ made: Uint8Array }>('make', 2000)
    expect(made).toEqual(new Uint8Array(2000).fill(7))
    const meeting = new Int32Array(new SharedArrayBuffer(4))
    const lengths = await Promise.all([call('lengthOfMade', meeting), call('lengthOfMade', meeting)])
    expect(lengths.sort()).toEqual([0, 1])
    const shared = new Int32Array(new SharedArrayBuffer(4))
    await Promise.all([call('increment', shared), call('increment', shared)])
    expect(shared[0]).toBe(2)
  })

  it('throws what the function throws: kind, context and cause of a LakeError, name and stack of others', async () => {
    const error = await failureOf(call('failAsLake'))
    expect(error).toMatchObject({
      name: 'LakeError',
      kind: 'corrupt',
      message: 'bytes break the format',
      context: { page: 3, at: 9n },
      cause: { kind: 'denied', context: { key: 'k' } },
    })
    const other = await failureOf(call('failOtherwise'))
    expect(other).toMatchObject({ name: 'RangeError', message: 'too far' })
    expect((other as Error).stack).toContain('functions.js')
  })

  it.each([
    ['leaves', 'leave'],
    ['fails outside of its task', 'failLater'],
  ])('fails the task of a worker that %s, and goes on', async (_, name) => {
    expect(await failureOf(call(name))).toMatchObject({ kind: 'unavailable', context: { function: name } })
    expect(await Promise.all([call('double', 1), call('double', 2), call('double', 3)])).toEqual([2, 4, 6])
  })

  it('tells of a function or script that is not there, and of values that cannot be sent', async () => {
    expect(await failureOf(call('missing'))).toMatchObject({ message: 'the script has no function missing' })
    const nowhere = new URL('./nowhere.js', script)
    expect(await failureOf(pool.runInWorker(nowhere, 'double', 1))).toBeInstanceOf(Error)
    expect(await failureOf(call('double', () => 1))).toMatchObject({ name: 'DataCloneError' })
    expect(await failureOf(call('answerFunction'))).toMatchObject({ kind: 'unavailable' })
    expect(await call('double', 4)).toBe(8)
  })

  it('does not start what was aborted, and does not wait for what runs', async () => {
    vi.stubEnv('SERAC_WORKER_THREADS', '1')
    const aborted = expect.objectContaining({ kind: 'aborted', cause: 'enough' })
    expect(await failureOf(call('double', 1, { signal: AbortSignal.abort('enough') }))).toEqual(aborted)

    const gates = new Int32Array(new SharedArrayBuffer(8))
    const [running, waiting] = [new AbortController(), new AbortController()]
    const held = failureOf(call('hold', gates, { signal: running.signal }))
    const queued = failureOf(
      call('increment', new Int32Array(new SharedArrayBuffer(4)), { signal: waiting.signal }),
    )
    const last = call('double', 21)
    await vi.waitFor(() => expect(Atomics.load(gates, 0)).toBe(1))
    waiting.abort('enough')
    expect(await queued).toEqual(aborted)
    running.abort('enough')
    expect(await held).toEqual(aborted)
    Atomics.store(gates, 1, 1)
    Atomics.notify(gates, 1)
    expect(await last).toBe(42)
  })

  it('takes the number of threads from the environment, else from the machine', () => {
    vi.stubEnv('SERAC_WORKER_THREADS', '5')
    expect(pool.workerThreads()).toBe(5)
    vi.stubEnv('SERAC_WORKER_THREADS', '')
    expect(pool.workerThreads()).toBe(availableParallelism())
    vi.stubEnv('SERAC_WORKER_THREADS', 'many')
    expect(() => pool.workerThreads()).toThrow(expect.objectContaining({ kind: 'invalid-argument' }))
  })

  it('takes any work once it runs, of compiled scripts, unless threads are switched off', async () => {
    expect(await call('double', 1)).toBe(2)
    expect(pool.workersPay(script, 1)).toBe(true)
    expect(pool.workersPay(new URL('./nowhere.js', script), 1e9)).toBe(false)
    vi.stubEnv('SERAC_WORKER_THREADS', '0')
    expect(pool.workersPay(script, 1e9)).toBe(false)
    vi.stubEnv('SERAC_WORKER_THREADS', '2')
    const sources = await import('../../src/base/worker-pool.js')
    expect(sources.workersPay(script, 1e9)).toBe(false)
  })

  it('is not started for little work, but for much, and for little that adds up', async () => {
    const unstarted = async (copy: string): Promise<Pool> =>
      import(`${pathToFileURL(join(folder, 'engine/base/worker-pool.js')).href}?${copy}`)
    expect((await unstarted('one')).workersPay(script, 100e6)).toBe(true)
    const { workersPay } = await unstarted('other')
    const answers = Array.from({ length: 9 }, () => workersPay(script, 5e6))
    expect(answers).toEqual([...Array(3).fill(false), ...Array(6).fill(true)])
  })

  it('lets the process end when its work is done', async () => {
    const main = `
      import { runInWorker } from './engine/base/worker-pool.js'
      const script = new URL('./functions.js', import.meta.url)
      console.log(await runInWorker(script, 'double', 3))`
    await writeFile(join(folder, 'main.js'), main)
    const { stdout } = await run(process.execPath, [join(folder, 'main.js')], { timeout: 30_000 })
    expect(stdout).toBe('6\n')
  })
})
