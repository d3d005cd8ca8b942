/**
 * Other engines as judges: PyIceberg with pyarrow, DuckDB and Spark read what serac wrote, and write what serac
 * reads. `test/judges/setup.sh` installs them. Without them the suites are skipped; with CI=true they must run.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const ROOT = process.env.SERAC_JUDGES_DIR ?? join(homedir(), '.cache', 'serac-judges')

export type JudgeName = 'pyiceberg' | 'duckdb' | 'spark'

export interface JudgeAnswer {
  readonly fields?: readonly string[]
  readonly rows?: readonly (readonly unknown[])[]
  readonly count?: number
  readonly error?: string
  readonly message?: string
  readonly [key: string]: unknown
}

/** False only where the judge is missing and may be: outside CI. */
export function judgeIsHere(name: JudgeName | 'node'): boolean {
  return process.env.CI === 'true' || existsSync(join(ROOT, name, 'installed.txt'))
}

/** The second version of Node. */
export const OTHER_NODE: string = join(ROOT, 'node', 'node_modules', 'node', 'bin', 'node')

export function pythonOf(name: JudgeName): string {
  return join(ROOT, name, 'bin', 'python')
}

/** Asks a judge; a refusal of the engine is an answer with `error`. */
export async function ask(name: JudgeName, args: readonly string[], input?: unknown): Promise<JudgeAnswer> {
  const script = join(import.meta.dirname, name, 'judge.py')
  const { stdout, stderr } = await run(pythonOf(name), [script, ...args], input)
  try {
    return JSON.parse(stdout) as JudgeAnswer
  } catch {
    throw new Error(`${name} gave no answer to ${args.join(' ')}: ${stderr.slice(-2000)}`)
  }
}

/** A request for `askAll`; `input` is what the judge reads as `-`. */
export interface JudgeRequest {
  readonly args: readonly string[]
  readonly input?: unknown
}

export interface ParquetRequest {
  readonly verb: 'read' | 'look' | 'write' | 'table'
  readonly [key: string]: unknown
}

/** What an engine says of a Parquet file, or of what it was told to do with it. */
export interface ParquetAnswer {
  /** Canonical lines, in the order of their bytes; null where the engine has no type for any column. */
  readonly rows?: readonly string[] | null
  /** Of Iceberg's Java library, in the order of the file. */
  readonly icebergRows?: readonly string[]
  /** Names and ids, in depth-first order. */
  readonly fieldIds?: readonly (readonly [string, number])[]
  readonly rowGroups?: readonly JudgedRowGroup[]
  readonly keyValues?: Readonly<Record<string, string>>
  /** Of each row group: index of the leaf column, descending, nulls first. */
  readonly sorting?: readonly (readonly (readonly [number, boolean, boolean])[])[]
  /** How many rows equal each value; null for a column that the engine has no type for. */
  readonly counts?: readonly (number | null)[]
  /** For each value: how many rows are in the row groups that Iceberg's filters leave. */
  readonly kept?: readonly number[]
  /** For each value: which row groups a bloom filter leaves out; null for a column whose filter is not read. */
  readonly excluded?: readonly (readonly boolean[] | null)[]
  readonly files?: readonly string[]
  readonly error?: string
  readonly message?: string
}

export interface JudgedRowGroup {
  readonly rows: number
  readonly columns: readonly JudgedColumn[]
}

/** What a footer states of a column. Bounds are texts in the engine's own form. */
export interface JudgedColumn {
  readonly path: string
  readonly codec: string
  readonly encodings: readonly string[]
  readonly valueCount: number
  readonly bloomFilter: boolean
  readonly pageIndex?: boolean
  readonly nullCount?: number
  readonly min?: string
  readonly max?: string
  readonly pages?: readonly JudgedPage[]
}

export interface JudgedPage {
  readonly firstRow: number
  readonly nullCount?: number
  readonly min?: string
  readonly max?: string
}

/** Asks many things in turn, in one process of the engine. */
export async function askAll(
  name: JudgeName,
  requests: readonly JudgeRequest[],
): Promise<readonly JudgeAnswer[]> {
  return (await batch(name, 'judge.py', requests)) as JudgeAnswer[]
}

/** Asks many things about Parquet files, in turn; each `parquet.py` says what it understands. */
export async function askParquet(
  name: JudgeName,
  requests: readonly ParquetRequest[],
): Promise<readonly ParquetAnswer[]> {
  const inputs = requests.map(input => ({ args: [], input }))
  return (await batch(name, 'parquet.py', inputs)) as ParquetAnswer[]
}

async function batch(name: JudgeName, script: string, requests: readonly JudgeRequest[]): Promise<unknown> {
  const folder = import.meta.dirname
  const args = [join(folder, 'batch.py'), join(folder, name, script)]
  const { stdout, stderr } = await run(pythonOf(name), args, requests)
  try {
    return JSON.parse(stdout)
  } catch {
    throw new Error(`${name} gave no answers: ${stderr.slice(-2000)}`)
  }
}

/** The rows of an answer in one order, for comparison; a refusal fails the test with the engine's words. */
export function sortedRows(answer: JudgeAnswer): readonly string[] {
  if (answer.rows === undefined) throw new Error(`the judge refused: ${answer.error} ${answer.message}`)
  return answer.rows.map(row => JSON.stringify(row)).sort()
}

function run(
  file: string,
  args: readonly string[],
  input: unknown,
): Promise<{ stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = execFile(file, args, { maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
      if (error !== null && stdout === '')
        reject(new Error(`${file}: ${error.message}\n${stderr.slice(-2000)}`))
      else resolve({ stdout, stderr })
    })
    child.stdin?.end(input === undefined ? '' : JSON.stringify(input))
  })
}
