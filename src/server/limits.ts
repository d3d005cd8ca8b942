/** What one server takes on at a time. A request beyond it is turned away before anything was done: it may be repeated. */
import { createGate } from '../base/concurrency.js'
import { LakeError } from '../base/errors.js'

export interface ServerLimits {
  /** Bytes of a request's body; default 16 MiB. */
  readonly bodyBytesMax: number
  /** Requests at work at the same time; default 64. */
  readonly requestsMax: number
  /** Requests that wait for their turn; default 256. */
  readonly waitingMax: number
  /** How long a request may take, its waiting included; default 2 minutes. */
  readonly requestMsMax: number
  /** Files of a plan that one answer names; default 1,000. The others are fetched. */
  readonly planFilesMax: number
  /** How long requests at work may go on when the server stops; default 10 seconds. */
  readonly stopMsMax: number
}

const DEFAULTS: ServerLimits = {
  bodyBytesMax: 2 ** 24,
  requestsMax: 64,
  waitingMax: 256,
  requestMsMax: 120_000,
  planFilesMax: 1_000,
  stopMsMax: 10_000,
}

/** @throws invalid-argument */
export function serverLimits(given: Partial<ServerLimits> = {}): ServerLimits {
  const limits = { ...DEFAULTS, ...given }
  for (const [name, value] of Object.entries(limits)) {
    const least = name === 'waitingMax' || name === 'stopMsMax' ? 0 : 1
    if (!Number.isSafeInteger(value) || value < least)
      throw new LakeError('invalid-argument', 'a limit of the server is out of its range', {
        context: { limit: name, value, least },
      })
  }
  return limits
}

export interface Admission {
  /** Requests at work. */
  readonly atWork: number
  /** Waits for a turn; undefined when too many wait already. @throws aborted while it waits */
  enter(signal: AbortSignal): Promise<(() => void) | undefined>
}

export function createAdmission({ requestsMax, waitingMax }: ServerLimits): Admission {
  const gate = createGate(requestsMax)
  let atWork = 0
  let waiting = 0
  return {
    get atWork() {
      return atWork
    },
    async enter(signal) {
      if (atWork >= requestsMax && waiting >= waitingMax) return undefined
      waiting++
      try {
        const leave = await gate.enter(1, signal)
        atWork++
        let isInside = true
        return () => {
          if (!isInside) return
          isInside = false
          atWork--
          leave()
        }
      } finally {
        waiting--
      }
    },
  }
}
