/** The models of `spec/model`, checked by spin: as they are, and with each planted bug. All of it in CI, some here. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isInstalled } from './servers.mjs'

const SCRIPT = join(import.meta.dirname, '../../spec/model/check.sh')
const TIMEOUT_MS = 900_000
const isCi = process.env.CI === 'true'

describe.skipIf(!isCi && !isInstalled('spin'))('the models of the commit protocol', () => {
  it('hold, and do not hold with a planted bug', { timeout: TIMEOUT_MS }, async () => {
    const lines = await check(isCi ? [] : ['FROZEN'])
    expect(lines.filter(line => !line.startsWith('ok '))).toEqual([])
    expect(lines.length).toBeGreaterThanOrEqual(isCi ? 39 : 5)
  })
})

/** The lines that the script says. */
function check(args: readonly string[]): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    execFile('bash', [SCRIPT, ...args], (error, stdout, stderr) => {
      if (stdout === '') reject(error ?? new Error(`nothing was checked: ${stderr}`))
      else resolve(stdout.trim().split('\n'))
    })
  })
}
