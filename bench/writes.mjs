// Writes Iceberg tables with serac and its peers, in one interleaved run. See bench/README.md:
//   bench/setup.sh && npm run build && node bench/writes.mjs [options]
//   node bench/writes.mjs --summary        medians, ratios and goals from results.jsonl
//   node bench/writes.mjs --profile        where serac's own time goes
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isSerac, measureGroups, profileGroups } from './shared/rounds.mjs'
import { judgeTable, runJob } from './writes/child.mjs'
import { prepareInputs } from './writes/inputs.mjs'
import { parseOptions } from './writes/options.mjs'
import { nameOf, planMeasurements } from './writes/plan.mjs'
import { resultLine } from './writes/result-line.mjs'
import { printSummary, printTables } from './writes/summary.mjs'
import { addedBytes } from './writes/work-folder.mjs'

const options = parseOptions()
if (options.summary) printSummary(options)
else {
  mkdirSync(join(options.folder, 'writes'), { recursive: true })
  const planned = options.profile ? { ...options, engines: options.engines.filter(isSerac) } : options
  const groups = planMeasurements(planned)
  const inputs = await prepareInputs(options, groups)
  const how = {
    options,
    measureOne: variant => measureOne(variant, inputs),
    lineOf: resultLine,
    textOf: nameOf,
  }
  if (options.profile) await profileGroups(groups, how)
  else printTables(await measureGroups(groups, how))
}

/** One measurement in a process of its own, on a fresh table; what it left there is checked. */
async function measureOne(variant, inputs) {
  const place = inputs.placeOf(variant)
  try {
    const sample = await runJob(options, { ...variant, ...place })
    await checkSample(sample, variant, inputs)
    return { ...sample, writtenBytes: addedBytes(place) }
  } finally {
    rmSync(place.work, { recursive: true, force: true })
  }
}

/** @throws when the table does not hold what it should, or a commit left no snapshot of its own */
async function checkSample(sample, variant, { expected }) {
  const found = await judgeTable(options, sample.table)
  const right = expected[variant.expects]
  // icebird's timestamps are dates of JavaScript, which hold no micros.
  const names = Object.keys(right).filter(name => variant.engine !== 'icebird' || name !== 'updated_at')
  const wrong = names.filter(name => found[name] !== right[name])
  if (wrong.length > 0) {
    const texts = wrong.map(name => `${name} ${found[name]} for ${right[name]}`)
    throw new Error(`wrong table of ${nameOf(variant)}: ${texts.join(', ')}`)
  }
  if (variant.task === 'commits' && sample.snapshots !== variant.commits) {
    throw new Error(`${sample.snapshots} snapshots of ${variant.commits} commits of ${nameOf(variant)}`)
  }
}
