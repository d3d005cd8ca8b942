// Writes and reads the orders table as Parquet with serac and its peers, in one interleaved run. See bench/README.md:
//   bench/setup.sh && npm run build && node bench/parquet.mjs [options]
//   node bench/parquet.mjs --summary        medians and ratios from results.jsonl
//   node bench/parquet.mjs --profile        where serac's own time goes
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { runJob } from './parquet/child.mjs'
import { parseOptions } from './parquet/options.mjs'
import { planMeasurements, variantText } from './parquet/plan.mjs'
import { printProfiles } from './parquet/profile.mjs'
import { resultLine } from './parquet/result-line.mjs'
import { printSummary } from './parquet/summary.mjs'

const options = parseOptions()
if (options.summary) printSummary(options)
else {
  mkdirSync(options.folder, { recursive: true })
  await (options.profile ? profileAll() : measureAll())
}

async function measureAll() {
  const inputs = await prepareInputs()
  const run = {
    run: new Date().toISOString().slice(0, 19),
    commit: options.commit ?? commitText(),
    cpus: `${cpus().length} x ${cpus()[0]?.model}`,
  }
  for (const group of planMeasurements(options)) {
    console.error(`\n${group.name}: ${group.variants.map(variantText).join(' | ')}`)
    const samples = group.variants.map(() => [])
    for (let round = 0; round < options.rounds; round++) {
      for (const [at, variant] of group.variants.entries()) {
        samples[at].push(await sampleOf(variant, inputs))
        console.error(
          `  ${round + 1}/${options.rounds} ${variantText(variant)}: ${sampleText(samples[at].at(-1))}`,
        )
      }
    }
    for (const [at, variant] of group.variants.entries()) {
      const line = JSON.stringify(resultLine({ options, run, group, variant, samples: samples[at] }))
      console.log(line)
      if (options.results !== undefined) appendFileSync(options.results, `${line}\n`)
    }
  }
}

async function profileAll() {
  const inputs = await prepareInputs()
  for (const group of planMeasurements({ ...options, engines: options.engines.filter(isSerac) })) {
    for (const variant of group.variants) {
      const folder = join(options.folder, 'profiles')
      rmSync(folder, { recursive: true, force: true })
      const sample = await sampleOf(variant, inputs, { profile: folder })
      console.log(`\n${group.name}, ${variantText(variant)}: ${sampleText(sample)}`)
      if (sample.span !== undefined) printProfiles(folder, sample.span)
    }
  }
}

function isSerac(engine) {
  return engine.startsWith('serac')
}

function sampleText({ seconds, notes, failure, peakMb, load }) {
  return seconds === null ? (failure ?? notes) : `${seconds.toFixed(3)} s, peak ${peakMb} MB, load ${load}`
}

/** One measurement in a process of its own, what it read or wrote checked. A failure is a result too. */
async function sampleOf(variant, inputs, more = {}) {
  const load = Number(loadavg()[0].toFixed(2))
  const out = join(options.folder, `out-${variant.engine}`)
  const { source, fields, files, table } = inputs
  const place = { source, fields, out, table, file: files[variant.file] }
  try {
    const sample = await runJob(options, { ...variant, ...place, ...more })
    if (sample.seconds !== null) await checkSample({ variant, sample, inputs, out })
    return { ...sample, load }
  } catch (error) {
    process.exitCode = 1
    return { seconds: null, failure: error.message.slice(-300), load }
  } finally {
    removeOutputs(out)
  }
}

async function checkSample({ variant, sample, inputs, out }) {
  if (variant.task === 'write') {
    const { check, rowGroups } = await judge({ files: sample.files ?? [out] })
    checkEqual(check, inputs.expected, variant)
    Object.assign(sample, { rowGroups, files: sample.files?.length ?? 1 })
    return
  }
  const expected = variant.engine === 'icebird' ? inputs.expectedPart : inputs.expected
  const wanted = variant.columns ?? Object.keys(expected.columns)
  const columns = Object.fromEntries(wanted.map(name => [name, expected.columns[name]]))
  checkEqual(sample.check, { rows: expected.rows, columns }, variant)
  if (sample.rows !== expected.rows) throw new Error(`${sample.rows} rows in the measured run`)
}

function checkEqual(found, expected, variant) {
  if (found.rows === expected.rows && isDeepStrictEqual(found.columns, expected.columns)) return
  const wrong = Object.keys(expected.columns).filter(
    name => !isDeepStrictEqual(found.columns[name], expected.columns[name]),
  )
  throw new Error(`wrong answer of ${variantText(variant)}: ${found.rows} rows, columns ${wrong.join(' ')}`)
}

function judge(job) {
  return runJob(options, { task: 'judge', engine: 'pyarrow', rows: undefined, ...job })
}

function removeOutputs(out) {
  for (const path of [out, `${out}.0`, `${out}.1`]) rmSync(path, { recursive: true, force: true })
}

/** The rows in files, those that are read, and what they all have to add up to. */
async function prepareInputs() {
  const source = join(options.folder, `${options.table}-${options.rows}.parquet`)
  const { fields } = await runJob(options, { task: 'fields', engine: 'serac', workers: 0 })
  if (!existsSync(`${source}.json`)) await makeSource(source, fields)
  const expected = JSON.parse(readFileSync(`${source}.json`, 'utf8'))
  const inputs = { source, expected, fields, files: {} }
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
  checkEqual((await judge({ files: [out] })).check, expected, { engine, task: 'file' })
}

async function makeSource(source, fields) {
  console.error(`making ${source}`)
  const made =
    options.table === 'gen'
      ? generate(source)
      : await runJob(options, { task: 'source', engine: 'serac', fields, out: source })
  const { check } = await judge({ files: [source] })
  if (made !== undefined) checkEqual(check, made.check, { engine: 'pyarrow', task: 'source' })
  await runJob(options, { task: 'arrow', engine: 'pyarrow', file: source, out: `${source}.arrow` })
  writeFileSync(`${source}.json`, JSON.stringify(check))
}

/** The table of the kit beside the project, which the peers' baseline was measured on. */
function generate(source) {
  const script = join(options.shared, 'bench/gen.py')
  const folder = join(options.folder, 'gen')
  execFileSync(options.python, [script, 'rows', '--rows', options.rows, '--dir', folder])
  renameSync(join(folder, `orders-${options.rows}.parquet`), source)
}

async function makeTable(rows, { source, fields }) {
  const warehouse = join(options.folder, 'icebird')
  rmSync(warehouse, { recursive: true, force: true })
  await runJob(options, { task: 'table', engine: 'serac', source, fields, out: warehouse })
  const expectedPart = (await judge({ files: [source], rows })).check
  delete expectedPart.columns.updated_at
  return { table: join(warehouse, 'bench/orders'), expectedPart }
}

/** With a plus when the working tree differs from it. */
function commitText() {
  const git = (...words) =>
    execFileSync('git', words, { cwd: import.meta.dirname })
      .toString()
      .trim()
  return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', '--', '../src') === '' ? '' : '+'}`
}
