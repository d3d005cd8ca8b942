// Which measurements a run has. A group is what is compared: one workload on one table.
import { interleaved, isSerac } from '../shared/rounds.mjs'
import { filterOf, ICEBIRD_ROWS, WORKLOADS, whereOf } from './workloads.mjs'

export function planMeasurements(options) {
  return options.workloads.flatMap(workload => {
    const work = WORKLOADS[workload]
    if (work === undefined) throw new Error(`--workloads are of ${Object.keys(WORKLOADS).join(', ')}`)
    const modes = work.modes ? options.modes : [workload === 'count' ? 'count' : 'table']
    return options.tables.flatMap(maker => modes.map(mode => groupOf({ workload, maker, mode }, options)))
  })
}

function groupOf({ workload, maker, mode }, options) {
  const filter = filterOf(workload, options.rows)
  const work = {
    task: 'scan',
    workload,
    maker,
    mode,
    repeats: WORKLOADS[workload].repeats ?? 1,
    ...(workload === 'columns' ? { columns: options.columns } : {}),
    ...(filter === undefined ? {} : { filter, where: whereOf(filter) }),
  }
  const name = `scan-${workload}`
  const title = `${name}${WORKLOADS[workload].modes ? ` to ${mode}` : ''}, table of ${maker}`
  return { name, title, workload, mode, maker, variants: variantsOf(work, options) }
}

function variantsOf(work, options) {
  const ours = options.nodes.flatMap(node =>
    options.engines
      .filter(isSerac)
      .flatMap(engine =>
        options.workers.map(workers => ({ ...work, engine, workers, threads: Math.max(1, workers), node })),
      ),
  )
  const peers = options.engines
    .filter(engine => !isSerac(engine) && takes(engine, work))
    .flatMap(engine => (engine === 'icebird' ? [1] : options.threads).map(threads => ({ engine, threads })))
    .map(variant => ({ ...work, ...variant, ...boundsOf(variant.engine, work, options) }))
  return interleaved(ours, peers)
}

/** icebird has no filter, no columns and no time travel: what it can is read by the position of rows. */
function takes(engine, { workload, mode }) {
  return engine !== 'icebird' || (mode === 'table' && ['full', 'range', 'point'].includes(workload))
}

function boundsOf(engine, { filter }, { rows }) {
  if (engine !== 'icebird') return {}
  return { rowStart: filter?.from ?? 0, rowEnd: filter?.to ?? Math.min(rows, ICEBIRD_ROWS) }
}
