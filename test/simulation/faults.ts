/**
 * Faults at named points. A point is what a process is doing and what goes wrong with it: `write-list late`. Each operation
 * has a fault chosen for it before it begins, at a request that it certainly makes; others come by chance, so that what only
 * a retry or a clean-up does is hit too. Every fault is counted by its point.
 */

/** What a process asks a service for. */
export type Target =
  | 'read'
  | 'stat'
  | 'list'
  | 'delete'
  | 'write-data'
  | 'write-manifest'
  | 'write-list'
  | 'write-metadata'
  | 'load'
  | 'swap'
  | 'settle'
  | 'lease'
  | 'turn'
  | 'lock'
  | 'other'

export type Fault =
  /** The answer takes long. */
  | 'delayed'
  /** Refused, certainly not done. */
  | 'throttled'
  /** Never arrives; the caller waits in vain. */
  | 'lost-request'
  /** Done; the caller waits in vain. */
  | 'lost-response'
  /** Done when the caller has given up waiting. */
  | 'late'
  /** Done, answered, and done once more later. */
  | 'duplicate'
  /** The process dies before it asks. */
  | 'crash-before'
  /** The process dies, and what it asked for is done. */
  | 'crash-after'
  /** The process stands still before it asks, for seconds or days. */
  | 'frozen'
  /** The answer is of some time ago. */
  | 'stale'

const READ: readonly Fault[] = ['delayed', 'throttled', 'lost-response', 'crash-before', 'frozen']
const WRITE: readonly Fault[] = [...READ, ...(['lost-request', 'late', 'duplicate', 'crash-after'] as const)]

/** What can happen to a request. */
export const FAULTS: Readonly<Record<Target, readonly Fault[]>> = {
  read: READ,
  stat: READ,
  list: [...READ, 'stale'],
  delete: WRITE,
  'write-data': WRITE,
  'write-manifest': WRITE,
  'write-list': WRITE,
  'write-metadata': WRITE,
  load: READ,
  swap: WRITE,
  settle: WRITE,
  lease: WRITE,
  turn: WRITE,
  lock: WRITE,
  other: READ,
}

/** What stands for faults of a network where there is none. */
const LOCALLY: Partial<Record<Fault, Fault>> = { late: 'lost-response', duplicate: 'delayed' }

/** Requests that are rare, and what matters most when they fail too. */
const OFTEN: Partial<Record<Target, number>> = { settle: 0.5, lease: 0.4, turn: 0.4, other: 0.1, lock: 0.05 }

/** Requests of which there are few: each thing that can happen to them happens as often as any other. */
const FEW: ReadonlySet<Target> = new Set(['delete', 'lease', 'turn', 'other'])

/** What ends an operation comes less often, or nothing would land. */
const WEIGHTS: Readonly<Record<Fault, number>> = {
  delayed: 3,
  throttled: 2,
  'lost-request': 3,
  'lost-response': 4,
  late: 4,
  duplicate: 4,
  'crash-before': 1,
  'crash-after': 2,
  frozen: 1,
  stale: 3,
}

/** What an operation meets. */
export interface FaultScript {
  /** The fault that is to come, at the request of that number for that target. */
  readonly planned: { readonly target: Target; readonly fault: Fault; readonly number: number } | undefined
  readonly requests: Map<Target, number>
  /** Faults so far. */
  count: number
}

export interface Faults {
  /** How often each point was hit. */
  readonly counts: ReadonlyMap<string, number>
  /** A script for an operation that makes a request for each of the targets. */
  script(targets: readonly Target[]): FaultScript
  /** What happens to the next request of the operation. */
  next(target: Target, script: FaultScript | undefined, isLocal: boolean): Fault | undefined
}

export interface FaultOptions {
  readonly random: () => number
  /** Chance of a fault at a request without a plan. */
  readonly chance: number
  /** False: nothing goes wrong any more. */
  readonly isOn: () => boolean
}

export function createFaults({ random, chance, isOn }: FaultOptions): Faults {
  const counts = new Map<string, number>()
  const hit = (target: Target, drawn: Fault, script: FaultScript | undefined, isLocal: boolean): Fault => {
    const fault = isLocal ? (LOCALLY[drawn] ?? drawn) : drawn
    const point = `${target} ${fault}`
    counts.set(point, (counts.get(point) ?? 0) + 1)
    if (script !== undefined) script.count += 1
    return fault
  }
  return {
    counts,
    script(targets) {
      const target = targets[Math.floor(random() * targets.length)]
      const planned = target === undefined ? undefined : { target, fault: draw(target, random), number: 1 }
      return { planned, requests: new Map(), count: 0 }
    },
    next(target, script, isLocal) {
      if (!isOn()) return undefined
      if (script !== undefined) {
        const number = (script.requests.get(target) ?? 0) + 1
        script.requests.set(target, number)
        const { planned } = script
        if (planned?.target === target && planned.number === number)
          return hit(target, planned.fault, script, isLocal)
      }
      return random() < (OFTEN[target] ?? chance)
        ? hit(target, draw(target, random), script, isLocal)
        : undefined
    },
  }
}

function draw(target: Target, random: () => number): Fault {
  const faults = FAULTS[target]
  const weightOf = (fault: Fault): number => (FEW.has(target) ? 1 : WEIGHTS[fault])
  let at = random() * faults.reduce((sum, fault) => sum + weightOf(fault), 0)
  for (const fault of faults) {
    at -= weightOf(fault)
    if (at < 0) return fault
  }
  return 'delayed'
}
