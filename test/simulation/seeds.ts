/** Runs seeds one after the other, on one catalog after the other, and sums up what they report. */
import type { CatalogKind } from './catalogs.js'
import { runWorld } from './run.js'

export interface SeedsReport {
  readonly seeds: number
  /** Landed, and met a fault before. */
  readonly commits: number
  readonly calmCommits: number
  readonly cpuMs: number
  readonly points: Readonly<Record<string, number>>
  readonly fates: Readonly<Record<string, number>>
  readonly failures: readonly {
    readonly seed: number
    readonly catalog: CatalogKind
    readonly violations: readonly string[]
  }[]
}

export interface SeedsOptions {
  readonly from: number
  readonly count: number
  /** Of each seed. */
  readonly commits: number
  readonly kinds: readonly CatalogKind[]
}

export async function runSeeds({ from, count, commits, kinds }: SeedsOptions): Promise<SeedsReport> {
  const started = process.cpuUsage()
  const points: Record<string, number> = {}
  const fates: Record<string, number> = {}
  const failures: SeedsReport['failures'][number][] = []
  let landed = 0
  let calmCommits = 0
  for (let seed = from; seed < from + count; seed++) {
    const catalog = kinds[seed % kinds.length]
    if (catalog === undefined) throw new Error('no catalog is of that kind')
    const report = await runWorld({ seed, catalog, commits })
    landed += report.commits
    calmCommits += report.calmCommits
    add(points, report.faults)
    add(fates, report.fates)
    const { violations } = report
    if (violations.length > 0) failures.push({ seed, catalog, violations })
  }
  const { user, system } = process.cpuUsage(started)
  return {
    seeds: count,
    commits: landed,
    calmCommits,
    cpuMs: (user + system) / 1_000,
    points,
    fates,
    failures,
  }
}

function add(counts: Record<string, number>, more: ReadonlyMap<string, number>): void {
  for (const [name, count] of more) counts[name] = (counts[name] ?? 0) + count
}
