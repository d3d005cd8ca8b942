/**
 * Turns as empty files in a folder beside the embedded catalog, seen by all processes that use it:
 *
 *   <made, ms since 1970, 15 digits>_<uuid>_<host>_<pid>_<hash of the table's name>
 *
 * Names in order are the queue. The place of a process of this machine that is no longer there is void at once. Nobody
 * is waited for longer than `TURN_MS_MAX` at the head of the queue, whatever became of it.
 */
import { createHash } from 'node:crypto'
import { unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { checkSignal } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import { errnoOf } from '../io/errno.js'
import { hostOfMarkers, isProcessAlive, makeMarker, markersIn } from './marker-files.js'
import {
  type CommitTurns,
  TURN_MS_MAX,
  type Turn,
  type TurnManners,
  type Waited,
  type WaitOptions,
} from './turns.js'

const MANNERS: TurnManners = { lostMax: 2, courtesyMsMax: 250 }
const POLL_MS_MIN = 2
const POLL_MS_MAX = 20

interface TurnFolder {
  readonly folder: string
  readonly runtime: Runtime
  readonly host: string
}

interface FileTurn extends Turn {
  readonly names: readonly string[]
}

export function createTurnFiles(folder: string, runtime: Runtime): CommitTurns {
  const on: TurnFolder = { folder, runtime, host: hostOfMarkers() }
  const open = new Map<Turn, FileTurn>()
  return {
    manners: MANNERS,
    isCrowded: () => false,
    async queue(tables) {
      const made = String(runtime.nowMs()).padStart(15, '0')
      const own = `${made}_${runtime.uuid()}_${on.host}_${process.pid}`
      const names = tables.map(table => `${own}_${keyOf(table)}`)
      const leave = async (): Promise<void> => {
        open.delete(turn)
        await Promise.all(names.map(name => unlink(join(folder, name)).catch(() => undefined)))
      }
      const turn: FileTurn = { names, leave }
      for (const name of names) {
        if (await makeMarker(folder, join(folder, name))) continue
        await leave()
        return undefined
      }
      open.set(turn, turn)
      return turn
    },
    wait: (tables, options = {}) =>
      waitFor(on, tables, { ...options, own: options.turn && open.get(options.turn) }),
    async close() {
      await Promise.all([...open.keys()].map(turn => turn.leave()))
    },
  }
}

function keyOf(table: string): string {
  return createHash('sha256').update(table).digest('hex').slice(0, 16)
}

async function waitFor(
  on: TurnFolder,
  tables: readonly string[],
  options: WaitOptions & { readonly own: FileTurn | undefined },
): Promise<Waited> {
  const { runtime } = on
  const { own, signal, waitMsMax = Number.POSITIVE_INFINITY } = options
  const keys = tables.map(keyOf)
  const startMs = runtime.nowMs()
  let head: string | undefined
  let headMs = startMs
  let waited: Waited = 'none'
  for (let pollMs = POLL_MS_MIN; ; pollMs = Math.min(pollMs * 1.5, POLL_MS_MAX)) {
    checkSignal(signal)
    const first = (await namesInFront(on, keys, own))[0]
    if (first === undefined) return waited
    const nowMs = runtime.nowMs()
    if (first !== head) headMs = nowMs
    head = first
    if (nowMs - headMs >= TURN_MS_MAX) await unlink(join(on.folder, first)).catch(() => undefined)
    if (nowMs - startMs >= waitMsMax) return 'not-yet'
    waited = 'done'
    await runtime.sleep(pollMs * (0.5 + runtime.random()), signal)
  }
}

/** The places of others in front of the own one, in order; void ones are removed. */
async function namesInFront(
  { folder, host }: TurnFolder,
  keys: readonly string[],
  own: FileTurn | undefined,
): Promise<readonly string[]> {
  const names = await namesIn(folder)
  const ownName = own?.names[0]
  const inFront: string[] = []
  for (const name of names.toSorted()) {
    const [, , ownerHost, pid, key] = name.split('_')
    if (key === undefined || !keys.includes(key) || own?.names.includes(name) === true) continue
    if (ownName !== undefined && name > ownName) continue
    if (ownerHost === host && !isProcessAlive(Number(pid))) {
      await unlink(join(folder, name)).catch(() => undefined)
    } else inFront.push(name)
  }
  return inFront
}

/** A folder that cannot be read holds nobody up. */
async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await markersIn(folder)
  } catch (error) {
    if (errnoOf(error) === undefined) throw error
    return []
  }
}
