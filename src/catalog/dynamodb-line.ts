/**
 * The queue of a table in front of one writer, as that sees it from look to look, by its own clock: whose turn has lasted
 * too long, and when the next look is worth a request.
 */
import type { Place } from './dynamodb-places.js'
import { TURN_MS_MAX } from './turns.js'

/** Who is at the head and gives no sign of life for so long has died. */
const SILENCE_MS_MAX = 1_500
/** Those behind it may have died with it: each has half of that time, until one has left of itself; at least this. */
const SILENCE_MS_MIN = 500
const LOOK_MS_MIN = 15
const LOOK_MS_MAX = 500
/** For who comes next. */
const NEXT_LOOK_MS_MAX = 100
const LOOK_FACTOR = 1.25
const TURN_MS_GUESS = 50

export interface Line {
  readonly table: string
  /** Places that are waited for, in order. */
  front: readonly Place[]
  /** Since when the first of them is the first, and since when it is silent. */
  headMs: number
  signMs: number
  silenceMsMax: number
  /** Those whose time was over. */
  readonly over: Set<string>
  /** What a turn takes, about. */
  turnMs: number
  /** Looks since the head changed. */
  looks: number
  lookedMs: number
}

export function createLine(table: string): Line {
  return {
    table,
    front: [],
    headMs: 0,
    signMs: 0,
    silenceMsMax: SILENCE_MS_MAX,
    over: new Set(),
    turnMs: TURN_MS_GUESS,
    looks: 0,
    lookedMs: 0,
  }
}

/**
 * Takes in what a look showed.
 * @param seen places in front, in order
 * @returns the one whose time is over, to be removed
 */
export function advance(line: Line, seen: readonly Place[], nowMs: number): Place | undefined {
  const front = seen.filter(({ attribute }) => !line.over.has(attribute))
  const standing = new Set(front.map(({ attribute }) => attribute))
  const left = line.front.filter(({ attribute }) => !standing.has(attribute)).length
  if (left > 0) {
    line.silenceMsMax = SILENCE_MS_MAX
    line.turnMs = (line.turnMs + Math.min((nowMs - line.lookedMs) / left, TURN_MS_MAX)) / 2
  }
  const [before] = line.front
  const [head, ...others] = front
  line.lookedMs = nowMs
  line.front = front
  line.looks += 1
  if (head?.attribute !== before?.attribute) setHead(line, nowMs)
  else if (head?.sign !== before?.sign) line.signMs = nowMs
  const isSilent = nowMs - line.signMs >= line.silenceMsMax
  if (head === undefined || !(isSilent || nowMs - line.headMs >= TURN_MS_MAX)) return undefined
  line.over.add(head.attribute)
  line.front = others
  setHead(line, nowMs)
  line.silenceMsMax = Math.max(line.silenceMsMax / 2, SILENCE_MS_MIN)
  return head
}

function setHead(line: Line, nowMs: number): void {
  line.headMs = nowMs
  line.signMs = nowMs
  line.looks = 0
}

/** Who comes next looks often, the others when most of those in front should be gone. Nothing when nobody is in front. */
export function pauseMsOf({ front, turnMs, looks }: Line): number {
  if (front.length === 0) return 0
  if (front.length === 1) return Math.min(LOOK_MS_MIN * LOOK_FACTOR ** looks, NEXT_LOOK_MS_MAX)
  return Math.min(Math.max((front.length - 1) * turnMs * 0.8, LOOK_MS_MIN), LOOK_MS_MAX)
}
