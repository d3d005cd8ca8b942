// Which measurements a run has. A group is what is compared: one workload. Its variants take turns, serac, a peer,
// serac, a peer, so that a change of the machine's mood meets all of them.
import { interleaved, isSerac, variantText } from '../shared/rounds.mjs'
import { changesTable, ICEBIRD_ROWS, ROWS_PER_CALLER, STYLES, WORKLOADS } from './workloads.mjs'

const WRITERS = {
  pyiceberg: ['append', 'upsert', 'delete', 'commits'],
  spark: ['append', 'upsert', 'delete', 'commits'],
  duckdb: ['append', 'upsert', 'delete'],
  'delta-rs': ['append', 'upsert', 'delete', 'commits'],
  icebird: ['append', 'commits'],
}

export function planMeasurements(options) {
  return options.workloads
    .map(workload => groupOf(workload, options))
    .filter(({ variants }) => variants.length > 0)
}

function groupOf(workload, options) {
  const work = WORKLOADS[workload]
  const total = changesTable(work) ? 2 * options.rows : options.rows
  const task = {
    task: work.task,
    workload,
    expects: workload,
    total,
    count: work.changesOf?.(options.rows),
    commits: work.task === 'commits' ? options.commits : undefined,
    longSeconds: options.longSeconds,
  }
  const variants = interleaved(oursOf(task, options), theirsOf(task, options))
  const chosen = variants.filter(
    variant => options.only === undefined || options.only.some(word => nameOf(variant).includes(word)),
  )
  return { name: `write-${workload}`, variants: chosen }
}

/** Rows come one by one in `commits` and `grouped`: workers have nothing to do there, and syncing is what costs. */
function oursOf(task, { nodes, engines, workers, styles, fsync, callers, lingerMs }) {
  const small = task.task === 'commits' || task.task === 'grouped'
  const grouping = task.task === 'grouped' ? { callers, lingerMs, calls: callers * ROWS_PER_CALLER } : {}
  return engines
    .filter(isSerac)
    .flatMap(engine => nodes.map(node => ({ ...task, ...grouping, engine, node })))
    .flatMap(variant => withStyles(variant, styles))
    .flatMap(variant =>
      (small ? [0] : workers).map(width => ({ ...variant, workers: width, threads: Math.max(1, width) })),
    )
    .flatMap(variant =>
      (fsync ?? (small ? [false, true] : [false])).map(sync => ({ ...variant, fsync: sync })),
    )
}

function theirsOf(task, { engines, threads, styles, rows }) {
  return engines
    .filter(engine => WRITERS[engine]?.includes(task.task))
    .flatMap(engine => {
      const variants = (engine === 'icebird' ? [1] : threads).map(count => ({
        ...task,
        engine,
        threads: count,
      }))
      if (engine === 'spark') return variants.flatMap(variant => withStyles(variant, styles))
      if (engine !== 'icebird' || task.task !== 'append') return variants
      return variants.map(variant => ({ ...variant, expects: 'part', total: Math.min(rows, ICEBIRD_ROWS) }))
    })
}

/** Only where rows of a table that is there change, an engine has a choice; the others do what they do. */
function withStyles(variant, styles) {
  if (!changesTable(variant)) return [{ ...variant, formatVersion: 2 }]
  return styles.map(style => ({ ...variant, style, ...STYLES[style] }))
}

/** `serac inline v20.20.2 merge-on-read v3`, `spark 2 merge-on-read v2`, `serac inline v20.20.2 fsync`. */
export function nameOf(variant) {
  const { style, mode, formatVersion, fsync } = variant
  const words = [
    variantText(variant),
    style === undefined ? '' : `${mode} v${formatVersion}`,
    fsync ? 'fsync' : '',
  ]
  return words.filter(word => word !== '').join(' ')
}
