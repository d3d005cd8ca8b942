// The rows that the benches write and read: those of orders.mjs, or those of the kit beside the project, as one
// Parquet file, one Arrow stream, and what they add up to. They are made once and kept.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runJob } from '../parquet/child.mjs'
import { checkEqual } from './checks.mjs'

/** `source` is the Parquet file, `${source}.arrow` the stream. */
export async function prepareSource(options) {
  const source = join(options.folder, `${options.table}-${options.rows}.parquet`)
  const { fields } = await runJob(options, { task: 'fields', engine: 'serac', workers: 0 })
  if (!existsSync(`${source}.json`)) await makeSource(options, { source, fields })
  return { source, fields, expected: JSON.parse(readFileSync(`${source}.json`, 'utf8')) }
}

/** So many of these rows as a Parquet file, and nothing beside it. */
export async function prepareRows(options, { rows, fields }) {
  const file = join(options.folder, `${options.table}-${rows}.parquet`)
  if (existsSync(file)) return file
  console.error(`making ${file}`)
  await makeRows({ ...options, rows }, { file: `${file}.part`, fields })
  renameSync(`${file}.part`, file)
  return file
}

/** What Parquet files hold, by pyarrow. */
export function judgeFiles(options, job) {
  return runJob(options, { task: 'judge', engine: 'pyarrow', rows: undefined, ...job })
}

async function makeSource(options, { source, fields }) {
  console.error(`making ${source}`)
  const made = await makeRows(options, { file: source, fields })
  const { check } = await judgeFiles(options, { files: [source] })
  if (made !== undefined) checkEqual(check, made.check, 'the source')
  await runJob(options, { task: 'arrow', engine: 'pyarrow', file: source, out: `${source}.arrow` })
  writeFileSync(`${source}.json`, JSON.stringify(check))
}

function makeRows(options, { file, fields }) {
  if (options.table === 'gen') return generate(options, file)
  return runJob(options, { task: 'source', engine: 'serac', fields, out: file })
}

/** The table of the kit beside the project, which the peers' baseline was measured on. */
function generate(options, source) {
  const script = join(options.shared, 'bench/gen.py')
  const folder = join(options.folder, 'gen')
  execFileSync(options.python, [script, 'rows', '--rows', options.rows, '--dir', folder])
  renameSync(join(folder, `orders-${options.rows}.parquet`), source)
}
