/** Runs a fuzzing script in a process of its own and checks what it reports. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'

interface Report {
  readonly inputs: number
  readonly pastHeader: number
  readonly ends: Readonly<Record<string, number>>
  readonly faults: readonly { readonly seed: number; readonly input: number; readonly what: string }[]
  readonly coverage: { readonly overall: number; readonly files: Readonly<Record<string, number>> }
}

const isCi = process.env.CI === 'true'

/** Inputs of a run: many in continuous integration. */
export function inputCount(locally: number): number {
  return isCi ? 50_000 : locally
}

export function expectNoFaults(script: string, inputs: number): void {
  const path = fileURLToPath(new URL(script, import.meta.url))
  let output: string
  try {
    output = execFileSync(process.execPath, ['--expose-gc', path, '--inputs', `${inputs}`, '--seed', '1'], {
      encoding: 'utf8',
    })
  } catch (error) {
    output = String((error as { readonly stdout?: unknown }).stdout)
  }
  const report: Report = JSON.parse(output)
  console.info(
    `${script}: ${report.inputs} inputs, ${report.pastHeader} past the header, ends ${JSON.stringify(report.ends)}, ` +
      `coverage ${Math.round(100 * report.coverage.overall)} %`,
  )
  expect(report.faults).toEqual([])
  expect(report.inputs).toBe(inputs)
  // Breaking must go deep: most inputs get past the header, and many of them are found to be broken there.
  expect(report.pastHeader).toBeGreaterThan(0.3 * inputs)
  expect(report.ends.corrupt ?? 0).toBeGreaterThan(0.1 * inputs)
}
