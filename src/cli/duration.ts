/** Lengths of time as people write them. */

const DURATION = /^(\d+)(ms|s|m|h|d|w)$/
const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** `5d`, `12h`, `30m` in milliseconds; undefined for other text. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit = ''] = DURATION.exec(text) ?? []
  return count === undefined ? undefined : Number(count) * (UNIT_MS[unit] ?? 0)
}
