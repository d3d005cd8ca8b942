// Self time by function from V8's profiles (one a thread), the measured run alone.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const LINES = 20

/** `span`: start and end of the measured run on the monotonic clock, in nanoseconds; profiles have the same clock. */
export function printProfiles(folder, span) {
  const [from, to] = span.map(nanoseconds => Number(BigInt(nanoseconds) / 1000n))
  for (const name of readdirSync(folder).toSorted()) {
    const profile = JSON.parse(readFileSync(join(folder, name), 'utf8'))
    printOne(selfTimes(profile, { from, to }), to - from)
  }
}

function selfTimes({ nodes, samples, timeDeltas, startTime }, { from, to }) {
  const labels = new Map(nodes.map(node => [node.id, labelOf(node.callFrame)]))
  const times = new Map()
  let now = startTime
  for (const [at, delta] of timeDeltas.entries()) {
    now += delta
    if (now < from || now > to) continue
    const label = labels.get(samples[at])
    times.set(label, (times.get(label) ?? 0) + delta)
  }
  return times
}

function labelOf({ functionName, url, lineNumber }) {
  const file = /node_modules\/.*/.exec(url)?.[0] ?? url.replace(/^.*\/(dist|bench)\//, '$1/')
  return `${functionName || '(anonymous)'}${file === '' ? '' : ` ${file}:${lineNumber + 1}`}`
}

/** A worker of the pool waits for its next task in a loop of its own. */
function isWaiting(label) {
  return label === '(idle)' || label.startsWith('atomicsWaitLoop')
}

function printOne(times, span) {
  const sorted = [...times].toSorted((a, b) => b[1] - a[1])
  const busy = sorted.filter(([label]) => !isWaiting(label)).reduce((sum, [, time]) => sum + time, 0)
  console.log(`  thread: ${(busy / 1000).toFixed(0)} ms busy of ${(span / 1000).toFixed(0)} ms`)
  for (const [label, time] of sorted.slice(0, LINES)) {
    const share = ((100 * time) / span).toFixed(1)
    console.log(`  ${(time / 1000).toFixed(1).padStart(9)} ms ${share.padStart(5)} %  ${label}`)
  }
}
