/**
 * Work on other threads: one pool of workers for the process, shared by all who ask, started when first used.
 *
 *   runInWorker -> waits for its turn -> a worker imports the script, calls the function -> value or failure
 *
 * Each worker has a task that runs and one that waits; the others wait here, where abort takes them out. A task that runs is
 * not stopped by abort, since that would cost its worker: the caller is told at once, the result is dropped. A worker that
 * dies fails its task and is replaced. Idle workers keep no process alive, and end after a while.
 */
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Piscina } from 'piscina'
import { createGate } from './concurrency.js'
import { abortedError, checkSignal, type ErrorContext, type ErrorKind, LakeError } from './errors.js'

export interface WorkerTaskOptions {
  /** Memory that moves to the worker instead of being copied; it is empty here afterwards. */
  readonly transfer?: readonly ArrayBuffer[] | undefined
  readonly signal?: AbortSignal | undefined
}

const TRANSFERRED: unique symbol = Symbol('transferred')

/** What a function on a worker returns when memory of its value moves instead of being copied. */
export interface Transferable<T> {
  readonly [TRANSFERRED]: true
  readonly value: T
  readonly buffers: readonly ArrayBuffer[]
}

export function transferred<T>(value: T, buffers: readonly ArrayBuffer[]): Transferable<T> {
  return { [TRANSFERRED]: true, value, buffers }
}

export function isTransferable(value: unknown): value is Transferable<unknown> {
  return typeof value === 'object' && value !== null && TRANSFERRED in value
}

/** What is sent to `worker-entry.ts`. */
export interface WorkerTask {
  /** The address of the script. */
  readonly script: string
  readonly name: string
  readonly message: unknown
}

/** What it answers: thrown errors as data, since classes and their fields do not cross threads. */
export type WorkerAnswer =
  | { readonly status: 'value'; readonly value: unknown }
  | { readonly status: 'failure'; readonly failure: WorkerFailure }

export interface WorkerFailure {
  readonly name: string
  readonly message: string
  readonly stack?: string | undefined
  readonly lake?: { readonly kind: ErrorKind; readonly context: ErrorContext } | undefined
  readonly cause?: WorkerFailure | undefined
}

const THREADS_VARIABLE = 'SERAC_WORKER_THREADS'
const IDLE_MS_MAX = 60_000
/**
 * Bytes, compressed or about to be, that take as long inline as starting the workers does: each is a new V8 that loads
 * its modules, and on two cores that is time of the one who waits.
 */
const START_BYTES: number = 16 * 1024 * 1024
/** One that runs and one that waits on the worker, so that it need not wait for this thread. */
const TASKS_PER_WORKER = 2
const ENTRY = new URL('./worker-entry.js', import.meta.url)

const scripts = new Map<string, boolean>()
const turns = createGate(() => TASKS_PER_WORKER * Math.max(1, workerThreads()))
let pool: Promise<Piscina> | undefined
/** What was done inline because no workers ran, in bytes. */
let inlineBytes = 0

/**
 * How many tasks run at the same time: SERAC_WORKER_THREADS, or as many as the machine runs; 0 when workers are
 * switched off.
 * @throws invalid-argument when the variable is no whole number
 */
export function workerThreads(): number {
  const text = process.env[THREADS_VARIABLE]
  if (text === undefined || text === '') return availableParallelism()
  if (/^\d{1,4}$/.test(text)) return Number(text)
  throw new LakeError('invalid-argument', 'the number of worker threads is no whole number', {
    context: { variable: THREADS_VARIABLE, value: text },
  })
}

/**
 * Whether work on so many bytes, large enough to be worth a message, should go to workers. Once they run it should.
 * They are started when as much was done without them as starting them costs: a process that reads little never
 * waits for them, and one that goes on reading little by little gets them. Never when workers are switched off, or
 * when the script is not there as JavaScript.
 * @throws invalid-argument as `workerThreads`
 */
export function workersPay(script: URL, sizeBytes: number): boolean {
  if (workerThreads() === 0 || !exists(script) || !exists(ENTRY)) return false
  if (pool !== undefined) return true
  inlineBytes += sizeBytes
  return inlineBytes >= START_BYTES
}

/**
 * Calls the exported function `name` of the script with the message, on a worker. The message and the result are
 * copied, except for memory that moves (`transfer`; `transferred` on the worker) or is shared.
 * @throws what the function throws, a LakeError with its kind; aborted; unavailable when the worker dies
 */
export async function runInWorker<T>(
  script: URL,
  name: string,
  message: unknown,
  options: WorkerTaskOptions = {},
): Promise<T> {
  const { signal } = options
  checkSignal(signal)
  const giveTurn = await turns.enter(1, signal)
  const task: WorkerTask = { script: script.href, name, message }
  const answer = ask(task, options.transfer ?? []).finally(giveTurn)
  const settled = await unlessAborted(answer, signal)
  if (settled.status === 'failure') throw revive(settled.failure)
  return settled.value as T
}

async function ask(task: WorkerTask, transfer: readonly ArrayBuffer[]): Promise<WorkerAnswer> {
  pool ??= startPool()
  try {
    return await (await pool).run(task, { transferList: [...transfer] })
  } catch (cause) {
    // A message that cannot be sent is the caller's mistake.
    if (cause instanceof Error && cause.name === 'DataCloneError') throw cause
    throw new LakeError('unavailable', 'the worker stopped before it answered', {
      context: { script: task.script, function: task.name, reason: deathText(cause) },
      cause,
    })
  }
}

/** A worker whose answer cannot be sent dies of it, and the error itself gets lost on the way. */
function deathText(cause: unknown): string {
  return cause instanceof Error ? cause.message : 'no reason was given, as when an answer cannot be copied'
}

async function startPool(): Promise<Piscina> {
  const { Piscina } = await import('piscina')
  return new Piscina({
    filename: ENTRY.href,
    name: 'answerTask',
    minThreads: 0,
    maxThreads: Math.max(1, workerThreads()),
    idleTimeout: IDLE_MS_MAX,
    concurrentTasksPerWorker: TASKS_PER_WORKER,
    recordTiming: false,
  })
}

function exists(script: URL): boolean {
  let known = scripts.get(script.href)
  if (known === undefined) {
    known = existsSync(fileURLToPath(script))
    scripts.set(script.href, known)
  }
  return known
}

function unlessAborted<T>(answer: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return answer
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(abortedError(signal))
    signal.addEventListener('abort', leave, { once: true })
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
  })
}

// ---------------------------------------------------------------- failures

/** Anything thrown, as data. */
export function describeFailure(error: unknown): WorkerFailure {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) }
  return {
    name: error.name,
    message: error.message,
    stack: error.stack,
    lake: error instanceof LakeError ? { kind: error.kind, context: error.context } : undefined,
    cause: error.cause === undefined ? undefined : describeFailure(error.cause),
  }
}

function revive(failure: WorkerFailure): Error {
  const options = failure.cause === undefined ? {} : { cause: revive(failure.cause) }
  if (failure.lake !== undefined)
    return new LakeError(failure.lake.kind, failure.message, { context: failure.lake.context, ...options })
  const error = new Error(failure.message, options)
  error.name = failure.name
  if (failure.stack !== undefined) error.stack = failure.stack
  return error
}
