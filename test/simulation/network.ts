/** Processes, and how their requests reach a service: the one place where faults happen. */
import { LakeError } from '../../src/base/errors.js'
import type { Runtime } from '../../src/base/runtime.js'
import { seededRandom } from '../snapshot/world.js'
import type { Clock, Waiter } from './clock.js'
import type { FaultScript, Faults, Target } from './faults.js'

export interface Process extends Waiter {
  readonly name: string
  readonly runtime: Runtime
  /** The step that it is at, and what that meets. */
  step: string | undefined
  script: FaultScript | undefined
  onDeath: () => void
}

export interface Network {
  readonly clock: Clock
  readonly faults: Faults
  process(name: string): Process
  /**
   * What the service does for the process, with whatever happens on the way.
   * @param work done by the service, as one step; for the step that the process was at when it asked
   * @param options `isLocal`: no network lies between, so nothing comes late or twice
   */
  request<T>(
    process: Process,
    target: Target,
    work: (by: string | undefined) => T | Promise<T>,
    options?: { readonly isLocal?: boolean },
  ): Promise<Reply<T>>
}

/** `refused`: certainly not done. `silent`: done, or not, or yet to be done. */
export type Reply<T> =
  | { readonly status: 'answered'; readonly value: T; readonly isStale: boolean }
  | { readonly status: 'refused' | 'silent' }

const LATENCY_MS_MAX = 20
const TIMEOUT_MS = 5_000
const DAY_MS = 86_400_000

export interface NetworkOptions {
  readonly clock: Clock
  readonly faults: Faults
  readonly seed: number
  /** Clocks of processes differ by this at most. */
  readonly skewMsMax: number
}

export function createNetwork({ clock, faults, seed, skewMsMax }: NetworkOptions): Network {
  const random = seededRandom(seed ^ 0x5eed)
  let processes = 0
  const between = (low: number, high: number): number => low + random() * (high - low)
  /** Mostly seconds, sometimes so long that leases lapse and files grow old. */
  const freezeMs = (): number => (random() < 0.5 ? between(1_000, 60_000) : between(0.1 * DAY_MS, 6 * DAY_MS))

  return {
    clock,
    faults,
    process(name) {
      processes += 1
      const skewMs = Math.round((random() * 2 - 1) * skewMsMax)
      const process: Process = {
        name: `${name}.${processes}`,
        isDead: false,
        frozenUntilMs: 0,
        step: undefined,
        script: undefined,
        onDeath: () => undefined,
        runtime: runtimeOf(seededRandom((seed * 1_009 + processes) >>> 0), {
          nowMs: () => clock.nowMs() + skewMs,
          sleep: (ms, signal) => clock.wait(ms, process, signal),
        }),
      }
      return process
    },
    async request(process, target, work, { isLocal = false } = {}) {
      const latencyMs = between(1, LATENCY_MS_MAX)
      const silent = async () => {
        await clock.wait(TIMEOUT_MS, process)
        return { status: 'silent' } as const
      }
      const dies = (): Promise<never> => {
        // Of requests that are on their way side by side several may come to this.
        const isFirst = !process.isDead
        process.isDead = true
        if (isFirst) process.onDeath()
        return new Promise(() => undefined)
      }
      const by = process.step
      const again = async (): Promise<void> => {
        try {
          await work(by)
        } catch {
          // Nobody is there to be told.
        }
      }
      const fault = faults.next(target, process.script, isLocal)
      switch (fault) {
        case 'crash-before':
          return dies()
        case 'frozen':
          process.frozenUntilMs = clock.nowMs() + Math.ceil(freezeMs())
          break
        case 'delayed':
          await clock.wait(between(100, TIMEOUT_MS), process)
          break
        case 'throttled':
          await clock.wait(latencyMs, process)
          return { status: 'refused' }
        case 'lost-request':
          return silent()
        case 'late':
          // Mostly soon after: in the middle of what the caller does next.
          clock.later(TIMEOUT_MS * (1 + 19 * random() ** 4), again)
          return silent()
        default:
      }
      await clock.wait(latencyMs, process)
      const value = await work(by)
      if (fault === 'lost-response') return silent()
      if (fault === 'crash-after') return dies()
      if (fault === 'duplicate') clock.later(10 * TIMEOUT_MS * random() ** 3, again)
      return { status: 'answered', value, isStale: fault === 'stale' }
    },
  }
}

function runtimeOf(random: () => number, clock: Pick<Runtime, 'nowMs' | 'sleep'>): Runtime {
  const digits = (count: number): string =>
    Math.floor(random() * 2 ** (4 * count))
      .toString(16)
      .padStart(count, '0')
  const uuid = (): string => `${digits(8)}-${digits(4)}-4${digits(3)}-8${digits(3)}-${digits(8)}${digits(4)}`
  return { ...clock, random, uuid, orderedUuid: uuid }
}

/** A request that is harmless when repeated, asked again a few times. @throws unavailable when patience ends */
export async function askAgain<T>(
  network: Network,
  process: Process,
  asked: {
    readonly target: Target
    readonly location: string
    readonly patience: number
    readonly work: (by: string | undefined) => T | Promise<T>
  },
): Promise<{ readonly value: T; readonly isStale: boolean }> {
  for (let attempt = 1; ; attempt++) {
    const reply = await network.request(process, asked.target, asked.work)
    if (reply.status === 'answered') return reply
    if (attempt >= asked.patience) throw noAnswer(reply.status, asked.location)
    await process.runtime.sleep(100 * 2 ** attempt)
  }
}

/** What a client throws that got no answer, or was refused. */
export function noAnswer(status: 'refused' | 'silent', location: string): LakeError {
  return new LakeError(
    'unavailable',
    status === 'refused' ? 'the service is busy' : 'the service does not answer',
    {
      context: { location },
    },
  )
}
