import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { judgeIsHere, OTHER_NODE } from '../../judges/judge.js'

const SCRIPT = fileURLToPath(new URL('../../support/parquet-round-trip.mjs', import.meta.url))
const run = promisify(execFile)

interface Outcome {
  readonly version: string
  readonly rowCount: number
  readonly rows: number
  /** More bytes than are decoded inline. */
  readonly isLarge: boolean
  readonly statistics: unknown
  readonly digest: string
}

async function roundTrip(node: string, threads: number): Promise<Outcome> {
  const env = { ...process.env, SERAC_WORKER_THREADS: `${threads}` }
  return JSON.parse((await run(node, [SCRIPT], { env })).stdout)
}

describe('a large parquet file', () => {
  let inline: Outcome
  beforeAll(async () => {
    inline = await roundTrip(process.execPath, 0)
  })

  it('has the rows and statistics that went in', () => {
    expect(inline).toMatchObject({ rowCount: 400_000, rows: 400_000, isLarge: true })
    expect(inline.statistics).toContainEqual([1, 400_000, 0, '0', `${7919 * 399_999}`])
    let highest = 0
    for (let row = 0; row < 400_000; row++) if (row % 8 !== 4) highest = Math.max(highest, (row * 7919) % 1e6)
    expect(inline.statistics).toContainEqual([2, 400_000, 50_000, '0', `${highest}`])
  })

  it.each([1, 2, 3])('is the same on %i workers', async threads => {
    expect(await roundTrip(process.execPath, threads)).toEqual(inline)
  })

  describe.skipIf(!judgeIsHere('node'))(
    'on the other version of node (test/judges/setup.sh installs it)',
    () => {
      it.each([0, 2])('is the same on %i workers', async threads => {
        const { version, ...outcome } = await roundTrip(OTHER_NODE, threads)
        const { version: own, ...wanted } = inline
        expect(version).not.toBe(own)
        expect(outcome).toEqual(wanted)
      })
    },
  )
})
