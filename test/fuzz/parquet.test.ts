import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const SCRIPT = fileURLToPath(new URL('./parquet.mjs', import.meta.url))
const INPUTS = process.env.CI === 'true' ? 50_000 : 2_000

interface Report {
  readonly inputs: number
  readonly reachedPages: number
  readonly ends: Readonly<Record<string, number>>
  readonly faults: readonly { readonly seed: number; readonly input: number; readonly what: string }[]
  readonly coverage: { readonly overall: number }
}

describe('broken parquet files', () => {
  it('end as rows or as an error of kind corrupt or unsupported', { timeout: 1_200_000 }, () => {
    let output: string
    try {
      output = execFileSync(process.execPath, [SCRIPT, '--inputs', `${INPUTS}`, '--seed', '1'], {
        encoding: 'utf8',
      })
    } catch (error) {
      output = String((error as { readonly stdout?: unknown }).stdout)
    }
    const report: Report = JSON.parse(output)
    console.info(
      `fuzz: ${report.inputs} inputs, ${report.reachedPages} past the footer, ends ${JSON.stringify(report.ends)}, ` +
        `coverage of format/parquet ${Math.round(100 * report.coverage.overall)} %`,
    )
    expect(report.faults).toEqual([])
    expect(report.inputs).toBe(INPUTS)
    // Breaking must go deep: most inputs get as far as the pages, and many of them are found to be broken there.
    expect(report.reachedPages).toBeGreaterThan(0.3 * INPUTS)
    expect(report.ends.corrupt ?? 0).toBeGreaterThan(0.1 * INPUTS)
  })
})
