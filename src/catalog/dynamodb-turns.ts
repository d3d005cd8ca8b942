/**
 * Turns of the DynamoDB catalog: a place is an attribute of the table's item (`dynamodb-places.ts`).
 *
 *   queue   one conditional update, whose answer shows the queue
 *   wait    from what was seen last; then reads of the item, the fewer the more are in front
 *   leave   with the swap itself; an update of its own only when nothing was swapped
 *
 * Who sees nobody in the queue asks nothing. Clocks differ: a place goes behind those that were seen, and the time at the
 * head is measured by whoever waits. Whatever fails here is as if there were no queue.
 */
import { checkSignal } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { TableIdentifier } from './catalog.js'
import { tableKey, VERSION } from './dynamodb-items.js'
import { isInFront, newPlace, type Place, placesOf, voidPlaces, watchQueues } from './dynamodb-places.js'
import type { ItemStore, ItemWriteAnswer, StoredItem } from './dynamodb-store.js'
import { parseIdentifier, printIdentifier } from './identifier.js'
import {
  type CommitTurns,
  TURN_MS_MAX,
  type Turn,
  type TurnManners,
  type Waited,
  type WaitOptions,
} from './turns.js'

/** A place is a request more, so it is for who is unlucky; who sees others queue goes behind them at once. */
const MANNERS: TurnManners = { lostMax: 4, courtesyMsMax: 0 }
/** In the item of one table: each costs about 25 bytes of every read and write. */
const PLACES_MAX = 64
/** What those get who come to the head behind some that never left: at least this. */
const TURN_MS_MIN = 250

export interface DynamoDbTurns extends CommitTurns {
  /** The store to use: what goes by tells of queues. */
  readonly store: ItemStore
  /** Attributes that a swap of the item removes: the own place, and void ones. */
  passing(item: StoredItem, turn: Turn | undefined): readonly string[]
  /** A swap of the table has landed, that removed the place. */
  landed(turn: Turn | undefined, identifier: TableIdentifier): void
  /** The item as it was when the turn came, once. */
  takeItem(turn: Turn | undefined, identifier: TableIdentifier): StoredItem | undefined
}

interface OwnTurn extends Turn {
  readonly place: Place
  /** Tables whose items may have the place. */
  readonly at: Set<string>
  /** What the last look showed, by table. */
  readonly items: Map<string, StoredItem>
  /** Nobody is in front any more. */
  isFirst: boolean
}

interface Context {
  readonly store: ItemStore
  readonly runtime: Runtime
  seen(table: string): StoredItem | undefined
}

export function dynamoDbTurns(inner: ItemStore, runtime: Runtime): DynamoDbTurns {
  const { store, seen } = watchQueues(inner, runtime)
  const context: Context = { store, runtime, seen }
  const open = new Map<Turn, OwnTurn>()
  const own = (turn: Turn | undefined): OwnTurn | undefined => turn && open.get(turn)
  return {
    store,
    manners: MANNERS,
    async queue(tables) {
      const turn = newTurn(context, tables, open)
      for (const table of tables.toSorted()) {
        if (await takePlace(context, table, turn)) continue
        await turn.leave()
        return undefined
      }
      open.set(turn, turn)
      return turn
    },
    isCrowded: (tables, turn) =>
      own(turn)?.isFirst !== true &&
      tables.some(table => inFront(context, seen(table), own(turn)?.place).length > 0),
    wait: (tables, options = {}) => waitFor(context, tables, { ...options, own: own(options.turn) }),
    async close() {
      await Promise.all([...open.keys()].map(turn => turn.leave()))
    },
    passing(item, turn) {
      const mine = own(turn)
      const others = voidPlaces(item, runtime.nowMs())
      return mine?.at.has(item.identifier) ? [...new Set([...others, mine.place.attribute])] : others
    },
    landed(turn, identifier) {
      own(turn)?.at.delete(printIdentifier(identifier))
    },
    takeItem(turn, identifier) {
      const items = own(turn)?.items
      const table = printIdentifier(identifier)
      const item = items?.get(table)
      items?.delete(table)
      return item
    },
  }
}

/** Behind all that are known to queue. */
function newTurn(context: Context, tables: readonly string[], open: Map<Turn, OwnTurn>): OwnTurn {
  const { runtime, seen } = context
  const nowMs = runtime.nowMs()
  const known = tables.flatMap(table => placesOf(seen(table), nowMs))
  const place = newPlace(
    runtime,
    known.reduce((ms, { madeMs }) => Math.max(ms, madeMs + 1), nowMs),
  )
  const turn: OwnTurn = {
    place,
    at: new Set(),
    items: new Map(),
    isFirst: false,
    async leave() {
      open.delete(turn)
      const tables = [...turn.at]
      turn.at.clear()
      await Promise.all(tables.map(table => removePlace(context, table, place)))
    },
  }
  return turn
}

/** @returns false when there is none: the table is not there, its queue is long, or the place could not be written */
async function takePlace(
  { store, runtime, seen }: Context,
  table: string,
  { place, at, items }: OwnTurn,
): Promise<boolean> {
  const nowMs = runtime.nowMs()
  const known = seen(table)
  if (placesOf(known, nowMs).length >= PLACES_MAX) return false
  const answer = await attempted(() =>
    store.write([
      {
        kind: 'update',
        key: tableKey(parseIdentifier(table)),
        set: { [place.attribute]: place.madeMs },
        remove: known && voidPlaces(known, nowMs),
        // An update makes what is not there, and a table that was dropped stays dropped.
        condition: { kind: 'present', attribute: VERSION },
        isShown: true,
      },
    ]),
  )
  if (answer?.status !== 'done' && answer?.status !== 'unknown') return false
  at.add(table)
  if (answer.status === 'done' && answer.item !== undefined) items.set(table, answer.item)
  return answer.status === 'unknown' || placesOf(answer.item, nowMs).length <= PLACES_MAX
}

async function removePlace({ store }: Context, table: string, { attribute }: Place): Promise<void> {
  const key = tableKey(parseIdentifier(table))
  const condition = { kind: 'present', attribute } as const
  await attempted(() => store.write([{ kind: 'update', key, set: {}, remove: [attribute], condition }]))
}

async function attempted(write: () => Promise<ItemWriteAnswer>): Promise<ItemWriteAnswer | undefined> {
  try {
    return await write()
  } catch {
    // Others see the queue as it was; the commit goes on without.
    return undefined
  }
}

function inFront({ runtime }: Context, item: StoredItem | undefined, own: Place | undefined): Place[] {
  return placesOf(item, runtime.nowMs()).filter(place => isInFront(place, own))
}

// ---- waiting

async function waitFor(
  context: Context,
  tables: readonly string[],
  options: WaitOptions & { readonly own: OwnTurn | undefined },
): Promise<Waited> {
  const { runtime, seen } = context
  const { own, signal, waitMsMax = Number.POSITIVE_INFINITY } = options
  if (own?.isFirst) {
    own.items.clear()
    return 'none'
  }
  const startMs = runtime.nowMs()
  const lines = tables.map(table => createLine(table))
  let items: readonly (StoredItem | undefined)[] | undefined = tables.map(seen)
  let waited: Waited = 'none'
  // Who has a place and has not seen it for a while looks.
  if (own !== undefined && items.includes(undefined)) items = await look(context, tables, options)
  for (;;) {
    checkSignal(signal)
    if (items === undefined) return waited
    let pauseMs = 0
    for (const [index, line] of lines.entries()) {
      const gone = advance(line, inFront(context, items[index], own?.place), runtime.nowMs())
      for (const place of gone) await removePlace(context, line.table, place)
      if (line.front.length > 0) pauseMs = Math.max(pauseMs, pauseOf(line))
    }
    if (pauseMs === 0) {
      if (own !== undefined) own.isFirst = true
      return waited
    }
    if (runtime.nowMs() - startMs >= waitMsMax) return 'not-yet'
    waited = 'done'
    await runtime.sleep(pauseMs * (0.7 + 0.3 * runtime.random()), signal)
    items = await look(context, tables, options)
  }
}

/** The items as they are. A queue that cannot be seen holds nobody up: undefined. @throws aborted */
async function look(
  { store }: Context,
  tables: readonly string[],
  { own, signal }: WaitOptions & { readonly own: OwnTurn | undefined },
): Promise<readonly (StoredItem | undefined)[] | undefined> {
  own?.items.clear()
  try {
    const keys = tables.map(table => tableKey(parseIdentifier(table)))
    const items = await Promise.all(keys.map(key => store.get(key, { signal })))
    for (const item of items) if (item !== undefined) own?.items.set(item.identifier, item)
    return items
  } catch {
    checkSignal(signal)
    return undefined
  }
}

/** The queue of one table in front of one writer, as that has seen it. */
interface Line {
  readonly table: string
  /** Places that are waited for, in order. */
  front: readonly Place[]
  /** Since when the first of them is the first. */
  headMs: number
  /** What it may take. */
  allowedMs: number
  /** Those whose time was over. */
  readonly over: Set<string>
  /** What a turn takes, about. */
  turnMs: number
  /** Looks since the head changed. */
  looks: number
  seenMs: number
}

const TURN_MS_GUESS = 50

function createLine(table: string): Line {
  return {
    table,
    front: [],
    headMs: 0,
    allowedMs: TURN_MS_MAX,
    over: new Set(),
    turnMs: TURN_MS_GUESS,
    looks: 0,
    seenMs: 0,
  }
}

/** What was seen now. @returns the place whose time at the head is over, if any */
function advance(line: Line, seen: readonly Place[], nowMs: number): readonly Place[] {
  const standing = seen.filter(({ attribute }) => !line.over.has(attribute))
  const left = line.front.filter(place => !standing.some(({ attribute }) => attribute === place.attribute))
  const hasLeft = left.some(({ attribute }) => !line.over.has(attribute))
  if (hasLeft) {
    line.allowedMs = TURN_MS_MAX
    const turnMs = (nowMs - line.seenMs) / left.length
    line.turnMs = (line.turnMs + Math.min(turnMs, TURN_MS_MAX)) / 2
  }
  const head = standing[0]
  if (head?.attribute !== line.front[0]?.attribute) {
    line.headMs = nowMs
    line.looks = 0
  }
  line.front = standing
  line.seenMs = nowMs
  line.looks += 1
  if (head === undefined || nowMs - line.headMs < line.allowedMs) return []
  // Who comes next may have died with it.
  line.allowedMs = Math.max(line.allowedMs / 2, TURN_MS_MIN)
  line.over.add(head.attribute)
  line.front = standing.slice(1)
  line.headMs = nowMs
  line.looks = 0
  return [head]
}

const LOOK_MS_MIN = 15
const LOOK_MS_MAX = 500
/** For who comes next. */
const NEXT_LOOK_MS_MAX = 100
const LOOK_FACTOR = 1.25

/** Who comes next looks often, the others when most of those in front should be gone. */
function pauseOf({ front, turnMs, looks }: Line): number {
  if (front.length === 1) return Math.min(LOOK_MS_MIN * LOOK_FACTOR ** looks, NEXT_LOOK_MS_MAX)
  return Math.min(Math.max((front.length - 1) * turnMs * 0.8, LOOK_MS_MIN), LOOK_MS_MAX)
}
