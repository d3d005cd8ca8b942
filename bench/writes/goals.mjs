// What serac is measured by: its seconds, or the memory over the rows, as a share of a peer's of the same run at most.
import { goalText, runtimeText } from '../shared/print-table.mjs'
import { isSerac } from '../shared/rounds.mjs'
import { nameOf } from './plan.mjs'
import { STYLES } from './workloads.mjs'

const UPSERT = [
  { peers: ['pyiceberg'], share: 0.05 },
  { peers: ['spark'], share: 0.25 },
  { peers: ['duckdb'], share: 0.5 },
]

const GOALS = {
  'write-append': [
    { peers: ['pyiceberg'], share: 1 },
    { peers: ['pyiceberg'], share: 0.1, of: 'overMb' },
  ],
  'write-upsert100k': UPSERT,
  'write-upsert1m': UPSERT,
  'write-delete1': [{ peers: ['spark'], share: 1 }],
  // icebird and delta-rs sync nothing; the catalogs of the others sync, so they stand beside a synced commit.
  'write-commits200': [
    { peers: ['icebird'], share: 1, fsync: false },
    { peers: ['pyiceberg', 'spark'], share: 1, fsync: true },
  ],
}

/** `0.031 of pyiceberg (0.05), met`: a line for each goal of each of serac's lines. */
export function goalTexts(lines) {
  return lines
    .filter(line => isSerac(line.engine) && line.seconds !== null)
    .flatMap(line => {
      const texts = (GOALS[line.workload] ?? []).flatMap(goal => textOf(line, goal, lines) ?? [])
      return texts.length === 0 ? [] : [`  ${nameOf(variantOf(line))}: ${texts.join('; ')}`]
    })
}

function textOf(line, { peers, share, of = 'seconds', fsync }, lines) {
  if (fsync !== undefined && fsync !== line.fsync) return undefined
  const best = lines
    .filter(peer => peers.includes(peer.engine) && peer[of] !== null && isComparable(peer, line))
    .toSorted((a, b) => a[of] - b[of])[0]
  if (best === undefined) return undefined
  const ratio = line[of] / best[of]
  const what = of === 'seconds' ? '' : 'memory '
  return `${what}${ratio.toFixed(3)} of ${best.engine} (${share}), ${goalText(line, ratio / share)}`
}

/** The same amount of work, and where both have a choice the same way of doing it. */
function isComparable(peer, line) {
  if (peer.rows !== line.rows) return false
  return peer.style === undefined || line.style === undefined || peer.style === line.style
}

function variantOf(line) {
  return { ...line, ...STYLES[line.style], node: { version: runtimeText(line) } }
}
