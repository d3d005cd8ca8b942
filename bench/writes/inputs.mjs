// What is written, the tables that are changed, and what they have to hold afterwards. serac's tables are made anew,
// with the build that is measured; the others' are kept.
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isSerac } from '../shared/rounds.mjs'
import { prepareRows, prepareSource } from '../shared/source.mjs'
import { runJob } from './child.mjs'
import { changesTable, DELETED, ICEBIRD_ROWS, ROWS_PER_CALLER, TABLE_FILES } from './workloads.mjs'

/** `placeOf(variant)` is what its job is told beside the variant; `expected[name]` what the table has to add up to. */
export async function prepareInputs(options, groups) {
  const variants = groups.flatMap(group => group.variants)
  const folder = join(options.folder, 'writes')
  const { source, fields } = await prepareSource({
    ...options,
    codec: 'zstd',
    level: 1,
    pageVersion: 1,
    fsync: false,
  })
  const changing = variants.some(changesTable)
  const tableRows = changing ? await prepareRows(options, { rows: 2 * options.rows, fields }) : undefined
  const one = await prepareOne(options, { source, folder })
  const changes = new Map()
  for (const { count } of variants) {
    if (count === undefined || changes.has(count)) continue
    changes.set(count, await prepareChanges(options, { count, tableRows, folder, fields }))
  }
  const bases = await prepareBases(options, { variants, tableRows, fields, folder })
  const sourceOf = {
    append: () => source,
    upsert: ({ count }) => changes.get(count),
    delete: () => undefined,
  }
  return {
    expected: await expectations(options, { source, tableRows, changes, one, variants }),
    placeOf: variant => ({
      fields,
      work: workOf(folder, variant),
      base: changesTable(variant) ? bases.get(keyOf(variant)) : undefined,
      source: (sourceOf[variant.task] ?? (() => one))(variant),
      deleted: DELETED,
    }),
  }
}

/** The first row of the source: what the small commits append. */
async function prepareOne(options, { source, folder }) {
  const out = join(folder, `one-${options.table}-${options.rows}.parquet`)
  if (!existsSync(`${out}.arrow`)) {
    await runJob(options, { task: 'first', engine: 'judge', file: source, rows: 1, out })
  }
  return out
}

/** New versions of rows, with keys that are spread evenly over the table. */
async function prepareChanges(options, { count, tableRows, folder, fields }) {
  const { table, shared } = options
  const total = 2 * options.rows
  const out = join(folder, `changes-${table}-${total}-${count}.parquet`)
  if (existsSync(`${out}.arrow`)) return out
  console.error(`making ${out}`)
  if (table === 'gen') {
    const kit = join(shared, 'bench')
    await runJob(options, { task: 'changes', engine: 'judge', kit, file: tableRows, total, count, out })
  } else {
    await runJob(options, { task: 'changes', engine: 'serac', total, count, fields, out })
    await runJob(options, { task: 'arrow', engine: 'judge', out })
  }
  return out
}

/** The tables that are changed, by what makes one different from another. */
async function prepareBases(options, { variants, tableRows, fields, folder }) {
  const bases = new Map()
  for (const variant of variants.filter(changesTable)) {
    const key = keyOf(variant)
    if (bases.has(key)) continue
    const base = join(folder, `base-${options.table}-${2 * options.rows}-${key}`)
    bases.set(key, base)
    const factsFile = `${base}.json`
    if (!isSerac(variant.engine) && existsSync(factsFile)) continue
    console.error(`making ${base}`)
    const work = workOf(folder, variant)
    for (const path of [base, work, factsFile]) rmSync(path, { recursive: true, force: true })
    const job = { ...variant, task: 'base', workers: 2, profile: undefined, fsync: false }
    const facts = await runJob(options, { ...job, work, fields, source: tableRows, files: TABLE_FILES })
    renameSync(work, base)
    writeFileSync(factsFile, JSON.stringify(facts))
  }
  return new Map([...bases].map(([key, base]) => [key, checkedBase(base)]))
}

/** @throws when a table was not made to its end */
function checkedBase(base) {
  JSON.parse(readFileSync(`${base}.json`, 'utf8'))
  return base
}

function keyOf({ engine, style }) {
  return style === undefined ? engine : `${engine}-${style}`
}

function workOf(folder, variant) {
  return join(folder, `work-${keyOf(variant)}`)
}

async function expectations(options, { source, tableRows, changes, one, variants }) {
  const requests = {}
  for (const { expects, task, count, commits, calls } of variants) {
    requests[expects] ??= {
      append: () => ({ rows: source, first: expects === 'part' ? ICEBIRD_ROWS : undefined }),
      upsert: () => ({ rows: tableRows, changes: changes.get(count) }),
      delete: () => ({ rows: tableRows, deleted: DELETED }),
      commits: () => ({ rows: one, times: commits }),
      grouped: () => ({ rows: one, times: calls ?? options.callers * ROWS_PER_CALLER }),
    }[task]()
  }
  const { expected } = await runJob(options, { task: 'expected', engine: 'judge', requests })
  return expected
}
