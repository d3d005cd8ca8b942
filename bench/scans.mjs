// Scans Iceberg tables with serac and its peers, in one interleaved run. See bench/README.md:
//   bench/setup.sh && npm run build && node bench/scans.mjs [options]
//   node bench/scans.mjs --summary        medians and ratios from results.jsonl
//   node bench/scans.mjs --profile        where serac's own time goes
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { runJob } from './scans/child.mjs'
import { prepareInputs } from './scans/inputs.mjs'
import { parseOptions } from './scans/options.mjs'
import { planMeasurements } from './scans/plan.mjs'
import { resultLine } from './scans/result-line.mjs'
import { printSummary } from './scans/summary.mjs'
import { checkEqual } from './shared/checks.mjs'
import { isSerac, measureGroups, profileGroups, variantText } from './shared/rounds.mjs'

const options = parseOptions()
if (options.summary) printSummary(options)
else {
  mkdirSync(join(options.folder, 'scans'), { recursive: true })
  const inputs = await prepareInputs(options)
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

/** One measurement in a process of its own, what it read checked. */
async function measureOne(variant, { tables, histories, expected }) {
  const { workload, maker } = variant
  const { metadata, firstSnapshotId } = workload === 'snapshot' ? histories[maker] : tables[maker]
  const sample = await runJob(options, { ...variant, metadata, snapshotId: firstSnapshotId })
  const right = expectedOf(variant, expected)
  checkEqual(sample.check, right, variantText(variant))
  if (sample.rows !== right.rows)
    throw new Error(`${sample.rows} rows in the measured run of ${variantText(variant)}`)
  return sample
}

/** What the columns that the variant reads add up to. */
function expectedOf({ workload, columns, engine }, expected) {
  const whole = expected[engine === 'icebird' && workload === 'full' ? 'part' : workload]
  const wanted = columns ?? Object.keys(whole.columns)
  // icebird's timestamps are dates of JavaScript, which hold no micros.
  const names = engine === 'icebird' ? wanted.filter(name => name !== 'updated_at') : wanted
  return { rows: whole.rows, columns: Object.fromEntries(names.map(name => [name, whole.columns[name]])) }
}
