// A nightly job that goes wrong, and nobody sees it: it writes to a branch, its changes are looked at, rolled back, made
// again and checked, and only then main moves. Somebody reads main all the while.
//
//   npm run build && node --input-type=module < examples/04-bad-job.ts
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'serac'

const folder = await mkdtemp(join(tmpdir(), 'serac-example-'))
const lake = await connect({ warehouse: join(folder, 'lake') })
try {
  const prices = await lake.createTable('shop.prices', 'sku bigint, region string, cents bigint', {
    keys: ['sku'],
    partitionBy: ['region'],
  })
  const regions = ['eu', 'us', 'asia']
  const sum = async (asOf = 'main') => {
    let total = 0n
    for await (const { cents } of prices.scan({ asOf, select: ['cents'] }).rows())
      total += BigInt(Number(cents))
    return total
  }
  await prices.append(
    Array.from({ length: 300 }, (_, at) => ({ sku: BigInt(at), region: regions[at % 3], cents: 1000n })),
  )
  const before = await sum()
  assert.equal(before, 300_000n)

  // A reader of main, all the time: what it sees is kept.
  const seen = new Set()
  let isOpen = true
  const reader = (async () => {
    while (isOpen) seen.add(await sum())
  })()

  // The job: prices in the EU rise by a tenth. It forgets its condition.
  const branch = 'nightly'
  const wrong = await prices.update({ set: 'cents = cents + cents / 10' }, { branch })

  // What it did, row by row: far more than a third of the prices, and those of other regions.
  const byRegion = new Map()
  const changes = prices.changes({ from: 'main', to: branch, mode: 'updates', keys: ['sku'] })
  for await (const { region, _change_type: change } of changes.rows())
    if (change === 'UPDATE_AFTER') byRegion.set(region, (byRegion.get(region) ?? 0) + 1)
  assert.deepEqual(Object.fromEntries(byRegion), { eu: 100, us: 100, asia: 100 })

  // Back, on the branch; the wrong snapshot stays readable by its id until it expires.
  const main = (await prices.refs()).main
  assert.ok(main !== undefined && wrong.snapshotId !== undefined)
  await prices.rollback({ branch, to: main.snapshotId })
  assert.equal(await sum(branch), before)
  assert.equal(await prices.at(wrong.snapshotId).scan().count(), 300)

  // Again, as it was meant, and checked.
  await prices.update({ set: 'cents = cents + cents / 10', where: `region = 'eu'` }, { branch })
  const after = await sum(branch)
  assert.equal(after, before + 100n * 100n)
  assert.equal(await prices.scan({ asOf: branch, where: `region <> 'eu' and cents <> 1000` }).count(), 0)

  // Main goes to where the branch stands, in one step.
  await prices.fastForward('main', branch)
  await prices.dropBranch(branch)
  assert.equal(await sum(), after)

  isOpen = false
  await reader
  for (const total of seen) assert.ok(total === before || total === after, 'main was never wrong')
} finally {
  await lake.close()
  await rm(folder, { recursive: true })
}
