/**
 * Turns of the DynamoDB catalog: a place is an attribute of the table's item (`dynamodb-places.ts`).
 *
 *   queue   one conditional update, whose answer shows the queue
 *   wait    from what was seen last; then reads of the item, the fewer the more are in front (`dynamodb-line.ts`)
 *   turn    an update now and then, when it is a long one: a sign of life
 *   leave   with the swap itself; an update of its own only when nothing was swapped
 *
 * Who sees nobody in the queue asks nothing. Clocks differ: a place goes behind those that were seen, and the time at the
 * head is measured by whoever waits. Whatever fails here is as if there were no queue.
 */
import { checkSignal } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { TableIdentifier } from './catalog.js'
import { tableKey, VERSION } from './dynamodb-items.js'
import { advance, createLine, pauseMsOf } from './dynamodb-line.js'
import {
  isInFront,
  newPlace,
  type Place,
  placesOf,
  voidPlaces,
  watchQueues,
  withSign,
} from './dynamodb-places.js'
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
/** Who has its turn says that it lives; short turns end before. */
const SIGN_MS = 400
const SIGNS_MAX = Math.ceil(TURN_MS_MAX / SIGN_MS)
/** What goes wrong with leaving is tried again: a place that stays holds all others up. */
const LEAVE_TRIES = 3

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
  /** Aborted when the place is gone. */
  readonly gone: AbortController
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
      const mine = own(turn)
      mine?.at.delete(printIdentifier(identifier))
      if (mine?.at.size === 0) mine.gone.abort()
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
  const madeMs = known.reduce((ms, { sign }) => Math.max(ms, Math.floor(sign) + 1), nowMs)
  const place = newPlace(runtime, madeMs)
  const turn: OwnTurn = {
    place,
    at: new Set(),
    items: new Map(),
    isFirst: false,
    gone: new AbortController(),
    async leave() {
      open.delete(turn)
      turn.gone.abort()
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
        set: { [place.attribute]: place.sign },
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

/** Until it is known to be gone, or a few times. */
async function removePlace({ store }: Context, table: string, { attribute }: Place): Promise<void> {
  const key = tableKey(parseIdentifier(table))
  const condition = { kind: 'present', attribute } as const
  for (let tries = 0; tries < LEAVE_TRIES; tries++) {
    const answer = await attempted(() =>
      store.write([{ kind: 'update', key, set: {}, remove: [attribute], condition }]),
    )
    if (answer?.status !== 'busy' && answer?.status !== 'unknown') return
  }
}

/** Never brings a place back that is gone. */
async function signOfLife({ store }: Context, table: string, place: Place): Promise<void> {
  const { attribute, sign } = place
  const condition = { kind: 'present', attribute } as const
  const key = tableKey(parseIdentifier(table))
  await attempted(() => store.write([{ kind: 'update', key, set: { [attribute]: sign }, condition }]))
}

/** The turn of a writer has come. It ends sooner or later, though nobody says so. */
async function stayAlive(context: Context, { place, at, gone }: OwnTurn): Promise<void> {
  const { signal } = gone
  let alive = place
  for (let signs = 0; signs < SIGNS_MAX; signs++) {
    try {
      await context.runtime.sleep(SIGN_MS, signal)
    } catch {
      return
    }
    alive = withSign(alive)
    for (const table of at) await signOfLife(context, table, alive)
  }
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
      if (gone !== undefined) await removePlace(context, line.table, gone)
      pauseMs = Math.max(pauseMs, pauseMsOf(line))
    }
    if (pauseMs === 0) {
      if (own !== undefined) {
        own.isFirst = true
        void stayAlive(context, own)
      }
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
