// Batches of serac's that a measured run reads: all kept to the end, or each dropped after use.
import { addBatch, batchesBytes, createCheck } from './checks.mjs'
import { measure } from './measure.mjs'

/** `each` reads once and hands over every batch; `facts`, off the clock, adds to the answer. */
export function measureBatches(each, { mode, repeats = 1, facts = () => ({}) }) {
  return mode === 'table' ? measureTable(each, { repeats, facts }) : measureStream(each, { repeats, facts })
}

function measureTable(each, { repeats, facts }) {
  return measure({
    repeats,
    run: async () => {
      const batches = []
      await each(batch => batches.push(batch))
      return batches
    },
    inspect: async batches => {
      const check = createCheck()
      for (const batch of batches) addBatch(check, batch)
      return { rows: check.rows, check, heldBytes: batchesBytes(batches), ...(await facts()) }
    },
  })
}

function measureStream(each, { repeats, facts }) {
  let check
  return measure({
    repeats,
    run: async () => {
      let rows = 0
      const first = check === undefined
      check ??= createCheck()
      await each(batch => {
        rows += batch.length
        if (first) addBatch(check, batch)
      })
      return rows
    },
    inspect: async rows => ({ rows, check, ...(await facts()) }),
  })
}
