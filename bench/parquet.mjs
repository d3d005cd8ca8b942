// Writes and reads the orders table as Parquet with serac and its peers, in one interleaved run. See bench/README.md:
//   bench/setup.sh && npm run build && node bench/parquet.mjs [options]
//   node bench/parquet.mjs --summary        medians and ratios from results.jsonl
//   node bench/parquet.mjs --profile        where serac's own time goes
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { runJob } from './parquet/child.mjs'
import { parseOptions } from './parquet/options.mjs'
import { planMeasurements } from './parquet/plan.mjs'
import { resultLine } from './parquet/result-line.mjs'
import { printSummary } from './parquet/summary.mjs'
import { checkEqual } from './shared/checks.mjs'
import { isSerac, measureGroups, profileGroups, variantText } from './shared/rounds.mjs'
import { judgeFiles, prepareSource } from './shared/source.mjs'

const options = parseOptions()
if (options.summary) printSummary(options)
else {
  mkdirSync(options.folder, { recursive: true })
  const inputs = await prepareInputs()
  const how = {
    options,
    measureOne: variant => measureOne(variant, inputs),
    lineOf: resultLine,
    textOf: variantText,
  }
  if (options.profile) {
    await profileGroups(planMeasurements({ ...options, engines: options.engines.filter(isSerac) }), how)
  } else await measureGroups(planMeasurements(options), how)
}

/** One measurement in a process of its own, what it read or wrote checked. */
async function measureOne(variant, inputs) {
  const out = join(options.folder, `out-${variant.engine}`)
  const { source, fields, files, table } = inputs
  try {
    const place = { source, fields, out, table, file: files[variant.file] }
    const sample = await runJob(options, { ...variant, ...place })
    if (sample.seconds !== null) await checkSample({ variant, sample, inputs, out })
    return sample
  } finally {
    removeOutputs(out)
  }
}

async function checkSample({ variant, sample, inputs, out }) {
  if (variant.task === 'write') {
    const { check, rowGroups } = await judgeFiles(options, { files: sample.files ?? [out] })
    checkEqual(check, inputs.expected, variantText(variant))
    Object.assign(sample, { rowGroups, files: sample.files?.length ?? 1 })
    return
  }
  const expected = variant.engine === 'icebird' ? inputs.expectedPart : inputs.expected
  const wanted = variant.columns ?? Object.keys(expected.columns)
  const columns = Object.fromEntries(wanted.map(name => [name, expected.columns[name]]))
  checkEqual(sample.check, { rows: expected.rows, columns }, variantText(variant))
  if (sample.rows !== expected.rows) throw new Error(`${sample.rows} rows in the measured run`)
}

function removeOutputs(out) {
  for (const path of [out, `${out}.0`, `${out}.1`]) rmSync(path, { recursive: true, force: true })
}

/** The rows in files, those that are read, and what they all have to add up to. */
async function prepareInputs() {
  const inputs = { ...(await prepareSource(options)), files: {} }
  const variants = planMeasurements(options).flatMap(group => group.variants)
  for (const file of new Set(variants.flatMap(variant => variant.file ?? []))) {
    inputs.files[file] = join(options.folder, `made-by-${file}.parquet`)
    await makeFile(file, inputs)
  }
  const part = variants.find(variant => variant.engine === 'icebird')
  return part === undefined ? inputs : { ...inputs, ...(await makeTable(part.rows, inputs)) }
}

async function makeFile(engine, { source, expected, fields, files }) {
  const out = files[engine]
  console.error(`making ${out}`)
  await runJob(options, { task: 'write', engine, threads: 1, workers: 0, source, fields, out })
  checkEqual((await judgeFiles(options, { files: [out] })).check, expected, `the file of ${engine}`)
}

async function makeTable(rows, { source, fields }) {
  const warehouse = join(options.folder, 'icebird')
  rmSync(warehouse, { recursive: true, force: true })
  await runJob(options, { task: 'table', engine: 'serac', source, fields, out: warehouse })
  const expectedPart = (await judgeFiles(options, { files: [source], rows })).check
  delete expectedPart.columns.updated_at
  return { table: join(warehouse, 'bench/orders'), expectedPart }
}
