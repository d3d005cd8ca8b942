// Rounds of measurements. The variants of a group - one comparison - take turns, so that a change of the machine's
// mood meets all of them.
import { execFileSync } from 'node:child_process'
import { appendFileSync, rmSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { printProfiles } from './profile.mjs'

/**
 * `measureOne` gives the sample of a variant, or throws; `lineOf` makes a line of results of them, `textOf` a name. The
 * lines, in the order of the groups.
 */
export async function measureGroups(groups, { options, measureOne, lineOf, textOf }) {
  const run = {
    run: new Date().toISOString().slice(0, 19),
    commit: options.commit ?? commitText(),
    cpus: `${cpus().length} x ${cpus()[0]?.model}`,
  }
  const lines = []
  for (const group of groups) {
    console.error(`\n${titleOf(group)}: ${group.variants.map(textOf).join(' | ')}`)
    const samples = group.variants.map(() => [])
    for (let round = 0; round < options.rounds; round++) {
      for (const [at, variant] of group.variants.entries()) {
        const sample = await sampleOf(variant, measureOne)
        samples[at].push(sample)
        console.error(`  ${round + 1}/${options.rounds} ${textOf(variant)}: ${sampleText(sample)}`)
      }
    }
    for (const [at, variant] of group.variants.entries()) {
      const line = JSON.stringify(lineOf({ options, run, group, variant, samples: samples[at] }))
      console.log(line)
      if (options.results !== undefined) appendFileSync(options.results, `${line}\n`)
      lines.push(JSON.parse(line))
    }
  }
  return lines
}

/** Each variant once, with the functions that its time goes to. */
export async function profileGroups(groups, { options, measureOne, textOf }) {
  for (const group of groups) {
    for (const variant of group.variants) {
      const folder = join(options.folder, 'profiles')
      rmSync(folder, { recursive: true, force: true })
      const sample = await sampleOf({ ...variant, profile: folder }, measureOne)
      console.log(`\n${titleOf(group)}, ${textOf(variant)}: ${sampleText(sample)}`)
      if (sample.span !== undefined) printProfiles(folder, sample.span)
    }
  }
}

/** A failure is a result too. */
async function sampleOf(variant, measureOne) {
  const load = Number(loadavg()[0].toFixed(2))
  try {
    return { ...(await measureOne(variant)), load }
  } catch (error) {
    process.exitCode = 1
    return { seconds: null, failure: error.message.slice(-300), load }
  }
}

function titleOf({ name, title = name }) {
  return title
}

function sampleText({ seconds, notes, failure, peakMb, load }) {
  return seconds === null ? (failure ?? notes) : `${seconds.toFixed(3)} s, peak ${peakMb} MB, load ${load}`
}

export function isSerac(engine) {
  return engine.startsWith('serac')
}

/** Ours and theirs by turns. */
export function interleaved(ours, theirs) {
  const turns = []
  for (let at = 0; at < Math.max(ours.length, theirs.length); at++) {
    turns.push(...[ours[at], theirs[at]].filter(variant => variant !== undefined))
  }
  return turns
}

/** `serac inline`, `serac 2 workers v22.1.0`, `pyarrow 2`. */
export function variantText({ engine, workers, threads, node }) {
  const width = workers === undefined ? `${threads ?? ''}` : workers === 0 ? 'inline' : `${workers} workers`
  return [engine, width, node?.version ?? ''].join(' ').trim()
}

/** With a plus when the working tree differs from it. */
function commitText() {
  const git = (...words) =>
    execFileSync('git', words, { cwd: import.meta.dirname })
      .toString()
      .trim()
  return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', '--', '../../src') === '' ? '' : '+'}`
}
