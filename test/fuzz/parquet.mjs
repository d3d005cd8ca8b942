/** Reads broken Parquet files, many of them; README.md beside this file says how. */
import { openParquet } from '../../dist/format/parquet/read.js'
import { createMemoryIO } from '../../dist/io/memory.js'
import { baseFiles } from './base-files.mjs'
import { runFuzz } from './harness.mjs'
import { brokenBytes, brokenTree } from './mutate.mjs'
import { putTogether, takeApart } from './parquet-file.mjs'

const LOCATION = 'memory://fuzz.parquet'
/** Rows after which a file that claims very many has said enough. */
const ROWS_MAX = 200_000

/** The ways to break a file. Each gives the bytes of the broken one. */
const BREAKS = {
  bytes: (random, base) => brokenBytes(random, base.bytes),
  footer: (random, base) => {
    const parts = structuredClone(base.parts)
    const metadata = brokenTree(random, parts.metadata)
    return putTogether({ ...parts, metadata }, { footer: true })
  },
  'page header': (random, base) =>
    withBrokenPage(random, base, { header: random.chance(0.7) }, page => ({
      ...page,
      header: brokenTree(random, page.header),
    })),
  'page body': (random, base) => {
    let times = 1 + random.below(3)
    return withBrokenPage(random, base, {}, page => {
      let { body } = page
      while (times-- > 0) body = brokenBytes(random, body)
      return { ...page, body }
    })
  },
  'page index': (random, base) => {
    const parts = structuredClone(base.parts)
    const group = random.pick(parts.indexes)
    const index = group && random.pick(group)
    if (index === undefined || (index.offset === undefined && index.column === undefined))
      return brokenBytes(random, base.bytes)
    const kind = index.column === undefined || random.chance(0.5) ? 'offset' : 'column'
    if (index[kind] !== undefined) index[kind] = brokenTree(random, index[kind])
    index.isBroken = true
    return putTogether(parts, {})
  },
}

function withBrokenPage(random, base, keep, change) {
  const parts = structuredClone(base.parts)
  const chunk = random.pick(random.pick(parts.chunks))
  const at = random.below(chunk.length)
  chunk[at] = change(chunk[at])
  return putTogether(parts, keep)
}

/** Ways by how often they are taken. */
const KINDS = [
  'bytes',
  'footer',
  'footer',
  'page header',
  'page header',
  'page body',
  'page body',
  'page body',
  'page index',
]

function breakOne(random, base) {
  const kind = random.pick(KINDS)
  return { kind, bytes: BREAKS[kind](random, base) }
}

async function read({ bytes, random, past }) {
  const io = createMemoryIO()
  await io.write(LOCATION, bytes)
  let rows = 0
  const file = await openParquet(io, LOCATION)
  past()
  for (const group of file.footer.rowGroups) group.columns.size
  const selection = random.chance(0.3) ? Uint32Array.of(3, 5, 20, 33) : undefined
  const keepPage = random.chance(0.3) ? () => true : undefined
  const pageFieldIds = [1, 2]
  // Column by column, so that one broken column does not hide the next.
  for (let column = 0; column < Math.min(file.fields.length, 40); column++) {
    const request = { columns: [column], selection, keepPage, pageFieldIds, budgetBytes: 32 * 1024 * 1024 }
    for await (const { batch } of file.read(request)) {
      rows += batch.length
      if (rows > ROWS_MAX) return
    }
  }
}

await runFuzz({
  bases: (await baseFiles()).map(file => ({ ...file, parts: takeApart(file.bytes) })),
  break: breakOne,
  whole: base => putTogether(structuredClone(base.parts), {}),
  read,
  covered: /^format\/parquet\//,
})
