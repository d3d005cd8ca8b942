/**
 * What the eight writers do, each step told by its name alone: `<writer>.<generation>.<number>`. So the snapshots of the
 * table, which carry these names, say what its rows must be, whoever died meanwhile.
 */
import { createRandom } from '../fuzz/random.mjs'

export const TABLE = 'race.t'
/** In the folder of the lake once the other writers have ended. */
export const OVER_FILE = 'over'
export const COLUMNS = 'id bigint, grp int, n bigint, by string'

/** Ids from here on are of appends; below are those of upserts. */
const APPENDED_FROM = 1_000_000
const OWN_KEYS = 200
const SHARED_KEYS_FROM = 10_000
const SHARED_KEYS = 300

/** By number of the writer. */
export const ROLES = [
  'append',
  'append',
  'upsert-own',
  'upsert-own',
  'upsert-shared',
  'upsert-shared',
  'delete-update',
  'compact',
]

/** A step: its rows, or a condition with what it means. */
export function stepOf(name) {
  const [writer, generation, number] = name.split('.').map(Number)
  const random = createRandom((writer * 7919 + generation) * 1_000_003 + number)
  const role = ROLES[writer]
  const row = id => ({ id, grp: id % 5, n: random.below(1000), by: name })
  switch (role) {
    case 'append': {
      const from = APPENDED_FROM + ((writer * 1000 + generation) * 100_000 + number) * 50
      return { verb: 'append', rows: Array.from({ length: 20 }, (_, at) => row(from + at)) }
    }
    case 'upsert-own':
    case 'upsert-shared': {
      const isOwn = role === 'upsert-own'
      const [from, count] = isOwn ? [writer * OWN_KEYS, OWN_KEYS] : [SHARED_KEYS_FROM, SHARED_KEYS]
      const ids = new Set(Array.from({ length: 25 }, () => from + random.below(count)))
      return { verb: 'upsert', rows: [...ids].map(row) }
    }
    case 'delete-update': {
      const rest = random.below(7)
      if (number % 3 === 2) {
        const holds = ({ id }) => id % 7 === rest && id < APPENDED_FROM
        const where = `id % 7 = ${rest} and id < ${APPENDED_FROM}`
        return {
          verb: 'update',
          where,
          holds,
          set: 'n = n + 1',
          change: each => ({ ...each, n: each.n + 1 }),
        }
      }
      const limit = random.below(1000)
      return {
        verb: 'delete',
        where: `id % 7 = ${rest} and n >= ${limit}`,
        holds: ({ id, n }) => id % 7 === rest && n >= limit,
      }
    }
    default:
      return { verb: 'compact' }
  }
}

/** Does a step; false when there was nothing to change. */
export async function doStep(table, name) {
  const { verb, rows, where, set } = stepOf(name)
  const options = { summary: { step: name } }
  switch (verb) {
    case 'append':
      return (await table.append(rows, options)).changed
    case 'upsert':
      return (await table.upsert(rows, { ...options, keys: ['id'] })).changed
    case 'delete':
      return (await table.delete(where, options)).changed
    case 'update':
      return (await table.update({ set, where }, options)).changed
    default:
      return (await table.compact({ minInputFiles: 4, deleteFileThreshold: 1 })).groups.committed > 0
  }
}

/**
 * Plays a step on the model, rows by id. Gives the rows that went and those that came: what the changelog must say,
 * but for rows that went and came again as they were.
 */
export function playStep(model, name) {
  const { verb, rows = [], holds, change } = stepOf(name)
  const went = []
  const came = []
  const put = (id, row) => {
    const before = model.get(id)
    if (before !== undefined) went.push(before)
    if (row === undefined) model.delete(id)
    else {
      model.set(id, row)
      came.push(row)
    }
  }
  if (verb === 'append' || verb === 'upsert') for (const row of rows) put(row.id, row)
  if (verb === 'delete' || verb === 'update')
    for (const row of [...model.values()]) if (holds(row)) put(row.id, change?.(row))
  return { went, came }
}

export const rowText = ({ id, grp, n, by }) => `${id} ${grp} ${n} ${by}`
