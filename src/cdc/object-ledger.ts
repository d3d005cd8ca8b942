/**
 * Which objects of a table a feed has taken in, in few bytes whatever their number: the newest by name and size, older
 * ones as a count and a digest for each day, month or year of their names.
 *
 *   places  | LOAD | 2025 | 202610 | 20261120 | 20261121     x x x x x x |
 *           |        count and digest of each period      ^ |   recent     |
 *                                                         to
 *
 * Compared with what is there now it tells, exactly, what came late under an old name, what changed its size, and what is
 * gone. Of what is only in a digest it tells the period.
 */
import { createHash } from 'node:crypto'
import { LakeError } from '../base/errors.js'
import { isJsonObject, type JsonValue } from '../base/json.js'
import { isLoadPlace, parseDmsName } from './dms/names.js'

export interface LedgerObject {
  readonly name: string
  readonly place: string
  readonly sizeBytes: number
}

interface Period {
  readonly count: number
  /** Sum of the digests of names and sizes, modulo 2^48. */
  readonly digest: number
}

export interface ObjectLedger {
  /** Place of the newest object that is only in a period. */
  readonly to: string
  readonly periods: ReadonlyMap<string, Period>
  /** Those behind `to`, in order. */
  readonly recent: readonly LedgerObject[]
}

export interface LedgerFindings {
  /** Objects with old names that were not there. */
  readonly late: readonly LedgerObject[]
  /** Objects that had another size. */
  readonly changed: readonly LedgerObject[]
  /** Periods whose objects are others than they were, or more. */
  readonly changedPeriods: readonly string[]
}

export const EMPTY_LEDGER: ObjectLedger = { to: '', periods: new Map(), recent: [] }

const RECENT_MAX = 64
/** While the full load goes on its files come in no order, so each is known by name. */
const RECENT_LOADS_MAX = 4096
const DAYS_MAX = 31
const MONTHS_MAX = 24
const LOAD_PERIOD = 'LOAD'
const DIGEST_MODULUS = 2 ** 48

/** The ledger of objects in the order of their places. */
export function ledgerOf(objects: readonly LedgerObject[]): ObjectLedger {
  const isLoading = objects.every(object => isLoadPlace(object.place))
  const cut = Math.max(0, objects.length - (isLoading ? RECENT_LOADS_MAX : RECENT_MAX))
  const firstRecent = isLoading
    ? cut
    : Math.max(
        cut,
        objects.findIndex(({ place }) => !isLoadPlace(place)),
      )
  const folded = objects.slice(0, firstRecent)
  return {
    to: folded.at(-1)?.place ?? '',
    periods: coarsened(digestsOf(folded, periodOf)),
    recent: objects.slice(firstRecent),
  }
}

/** The ledger with one object more, which is nothing new when it is there already. */
export function withObject(ledger: ObjectLedger, object: LedgerObject): ObjectLedger {
  const { to, periods, recent } = ledger
  if (recent.some(({ name }) => name === object.name)) return ledger
  if (object.place <= to) {
    const period = [...periods.keys()].find(name => isIn(object.place, name)) ?? periodOf(object.place)
    return {
      to,
      recent,
      periods: withDigests(
        periods,
        digestsOf([object], () => period),
      ),
    }
  }
  const all = [...recent, object]
  // Objects mostly come in order.
  if ((recent.at(-1)?.place ?? '') > object.place) all.sort((a, b) => (a.place < b.place ? -1 : 1))
  const kept = ledgerOf(all)
  if (kept.periods.size === 0) return { to, periods, recent: kept.recent }
  return { to: kept.to, periods: coarsened(withDigests(periods, kept.periods)), recent: kept.recent }
}

/** The ledger of changes that are in files of all tables, with a table's files of the full load before it. */
export function withLoads(ledger: ObjectLedger, loads: readonly LedgerObject[]): ObjectLedger {
  const periods = withDigests(digestsOf(loads, periodOf), ledger.periods)
  return { to: ledger.to || (loads.at(-1)?.place ?? ''), periods, recent: ledger.recent }
}

function digestsOf(
  objects: readonly LedgerObject[],
  nameOf: (place: string) => string,
): ReadonlyMap<string, Period> {
  const periods = new Map<string, { count: number; digest: number }>()
  for (const object of objects) {
    const name = nameOf(object.place)
    const period = periods.get(name) ?? { count: 0, digest: 0 }
    period.count += 1
    period.digest = (period.digest + digestOf(object)) % DIGEST_MODULUS
    periods.set(name, period)
  }
  return periods
}

function digestOf({ place, sizeBytes }: LedgerObject): number {
  return createHash('sha256').update(`${place} ${sizeBytes}`).digest().readUIntBE(0, 6)
}

function periodOf(place: string): string {
  return isLoadPlace(place) ? LOAD_PERIOD : place.slice(1, 9)
}

function isIn(place: string, period: string): boolean {
  return period === LOAD_PERIOD ? isLoadPlace(place) : !isLoadPlace(place) && place.startsWith(period, 1)
}

function withDigests(
  periods: ReadonlyMap<string, Period>,
  more: ReadonlyMap<string, Period>,
): ReadonlyMap<string, Period> {
  const all = new Map(periods)
  for (const [name, added] of more) {
    const found = all.get(name)
    all.set(name, found === undefined ? added : joined(found, added))
  }
  return all
}

function joined(a: Period, b: Period): Period {
  return { count: a.count + b.count, digest: (a.digest + b.digest) % DIGEST_MODULUS }
}

/** The oldest days as their month, the oldest months as their year, until there are few. */
function coarsened(periods: ReadonlyMap<string, Period>): ReadonlyMap<string, Period> {
  const days = merged(periods, { digits: 8, countMax: DAYS_MAX })
  return merged(days, { digits: 6, countMax: MONTHS_MAX })
}

function merged(
  periods: ReadonlyMap<string, Period>,
  { digits, countMax }: { readonly digits: 6 | 8; readonly countMax: number },
): ReadonlyMap<string, Period> {
  const names = [...periods.keys()].filter(name => name.length === digits).sort()
  if (names.length <= countMax) return periods
  const prefixes = new Set(names.slice(0, names.length - countMax).map(name => name.slice(0, digits - 2)))
  const all = new Map<string, Period>()
  for (const [name, period] of periods) {
    const prefix = name.length === digits ? name.slice(0, digits - 2) : ''
    const target = prefixes.has(prefix) ? prefix : name
    const found = all.get(target)
    all.set(target, found === undefined ? period : joined(found, period))
  }
  return all
}

/** What is different now; `objects` are those there are up to where the feed stands, in order. */
export function compareLedger(ledger: ObjectLedger, objects: readonly LedgerObject[]): LedgerFindings {
  const { to, periods, recent } = ledger
  const known = new Map(recent.map(object => [object.name, object]))
  const late: LedgerObject[] = []
  const changed: LedgerObject[] = []
  const folded: LedgerObject[] = []
  for (const object of objects) {
    if (object.place <= to) {
      folded.push(object)
      continue
    }
    const before = known.get(object.name)
    if (before === undefined) late.push(object)
    else if (before.sizeBytes !== object.sizeBytes) changed.push(object)
  }
  const nameOf = (place: string): string =>
    [...periods.keys()].find(name => isIn(place, name)) ?? periodOf(place)
  const found = digestsOf(folded, nameOf)
  const changedPeriods = [...found]
    .filter(([name, period]) => !isPartOf(period, periods.get(name)))
    .map(([name]) => name)
  return { late, changed, changedPeriods }
}

/** Fewer objects are what is left of those that were there. */
function isPartOf(now: Period, before: Period | undefined): boolean {
  if (before === undefined || now.count > before.count) return false
  return now.count < before.count || now.digest === before.digest
}

export function serializeLedger({ to, periods, recent }: ObjectLedger): JsonValue {
  return {
    to,
    periods: Object.fromEntries([...periods].map(([name, { count, digest }]) => [name, [count, digest]])),
    recent: Object.fromEntries(recent.map(({ name, sizeBytes }) => [name, sizeBytes])),
  }
}

/** @throws corrupt */
export function parseLedger(json: JsonValue): ObjectLedger {
  if (!isJsonObject(json)) throw unreadable()
  const { to, periods, recent } = json
  if (typeof to !== 'string' || !isJsonObject(periods) || !isJsonObject(recent)) throw unreadable()
  return {
    to,
    periods: new Map(Object.entries(periods).map(([name, entry]) => [name, parsePeriod(entry)])),
    recent: Object.entries(recent).map(parseObject),
  }
}

function parsePeriod(json: JsonValue): Period {
  const [count, digest] = Array.isArray(json) ? (json as readonly JsonValue[]) : []
  if (typeof count !== 'number' || typeof digest !== 'number') throw unreadable()
  return { count, digest }
}

function parseObject([name, sizeBytes]: readonly [string, JsonValue]): LedgerObject {
  const place = parseDmsName(name)?.place
  if (typeof sizeBytes !== 'number' || place === undefined) throw unreadable()
  return { name, sizeBytes, place }
}

function unreadable(): LakeError {
  return new LakeError('corrupt', 'the ledger of a feed of files cannot be read', {})
}
