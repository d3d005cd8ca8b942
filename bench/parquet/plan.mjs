// Which measurements a run has. A group is what is compared: one workload on one file. Its variants take turns,
// serac, a peer, serac, a peer, so that a change of the machine's mood meets both.
import { interleaved, isSerac } from '../shared/rounds.mjs'

/** icebird makes row objects: more of them than this do not fit. */
const ICEBIRD_ROWS = 500_000

const READERS = [
  'serac',
  'serac-wasm',
  'pyarrow',
  'pyarrow-dictionary',
  'duckdb',
  'parquet-wasm',
  'hyparquet',
  'icebird',
]
const WRITERS = [
  'serac',
  'serac-wasm',
  'pyarrow',
  'duckdb',
  'pyiceberg',
  'parquet-wasm',
  'hyparquet',
  'icebird',
]
const THREADED = ['pyarrow', 'pyarrow-dictionary', 'duckdb']

export function planMeasurements(options) {
  return options.workloads.flatMap(workload => {
    if (workload === 'write')
      return [{ name: 'parquet-write', variants: variantsOf(options, { task: 'write' }) }]
    const columns = workload === 'read3' ? options.columns : undefined
    return options.modes.flatMap(mode =>
      options.files.map(file => ({
        name: `parquet-${workload}`,
        mode,
        file,
        variants: variantsOf(options, { task: 'read', mode, file, columns }),
      })),
    )
  })
}

function variantsOf(options, work) {
  const known = work.task === 'write' ? WRITERS : READERS
  const engines = options.engines.filter(engine => known.includes(engine))
  const ours = options.nodes.flatMap(node =>
    engines.filter(isSerac).flatMap(engine =>
      // The second engine knows no workers.
      (engine === 'serac' ? options.workers : [0]).map(workers => ({
        ...work,
        ...(engine === 'serac' ? {} : { implementation: 'parquet-wasm' }),
        engine,
        workers,
        threads: Math.max(1, workers),
        node,
      })),
    ),
  )
  const peers = engines
    .filter(engine => !isSerac(engine))
    .flatMap(engine => threadsOf(engine, options).map(threads => ({ ...work, engine, threads })))
    .filter(variant => variant.engine !== 'icebird' || takesIcebird(variant))
    .map(variant =>
      variant.engine === 'icebird' ? { ...variant, rows: Math.min(options.rows, ICEBIRD_ROWS) } : variant,
    )
  return interleaved(ours, peers)
}

/** It reads whole rows of a table, to a list. */
function takesIcebird({ task, mode, file, columns }) {
  return task === 'write' || (mode === 'table' && file === 'serac' && columns === undefined)
}

function threadsOf(engine, { threads }) {
  if (THREADED.includes(engine)) return threads
  return [engine === 'pyiceberg' ? 2 : 1]
}
