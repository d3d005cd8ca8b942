/** The long form of the model test; `run.mjs` compiles and starts it. */
import { parseArgs } from 'node:util'
import { runModel } from './model-run.js'
import { errorText, jsonText, planOf, runSeeds, smallestFailing } from './seeds.js'

const { values: args } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    only: { type: 'string' },
    shrink: { type: 'boolean', default: false },
  },
})

if (args.only === undefined) {
  const range = { from: Number(args.from), count: Number(args.seeds) }
  const report = await runSeeds(range, ({ seed, error }) => console.error(`seed ${seed}: ${error}\n`))
  console.log(JSON.stringify({ ...report, failures: report.failures.map(({ seed }) => seed) }))
  process.exitCode = report.failures.length > 0 ? 1 : 0
} else {
  await runOne(Number(args.only))
}

async function runOne(seed: number): Promise<void> {
  const plan = args.shrink ? await smallestFailing(planOf(seed)) : planOf(seed)
  console.log(jsonText({ ...plan, filling: undefined, writers: undefined }))
  for (const steps of [plan.filling, ...plan.writers]) for (const step of steps) console.log(jsonText(step))
  try {
    const { fates, snapshots, conflicts } = await runModel(plan)
    console.log({ snapshots, conflicts, fates })
  } catch (error) {
    console.error(errorText(error))
    process.exitCode = 1
  }
}
