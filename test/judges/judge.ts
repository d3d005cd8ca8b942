/**
 * Other engines as judges: PyIceberg with pyarrow, DuckDB and Spark read what serac wrote, and write what serac
 * reads. `test/judges/setup.sh` installs them. Without them the suites are skipped; with CI=true they must run.
 */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

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
export function judgeIsHere(name: JudgeName | 'node' | 'rck'): boolean {
  return process.env.CI === 'true' || existsSync(join(ROOT, name, 'installed.txt'))
}

/** Whether Spark was installed with Iceberg's libraries for AWS, which older installations lack. */
export function sparkHasAws(): boolean {
  if (process.env.CI === 'true') return true
  const jars = join(ROOT, 'spark', 'jars')
  return existsSync(jars) && readdirSync(jars).some(name => name.startsWith('iceberg-aws-bundle'))
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

/** A judge that stays: its engine is started once, and asked as the test goes on. */
export interface JudgeSession extends AsyncDisposable {
  /** The answer, a refusal too. Requests are answered in turn. */
  ask(args: readonly string[], input?: unknown): Promise<JudgeAnswer>
  /** The same, where a refusal fails the test with the engine's words. */
  tell(args: readonly string[], input?: unknown): Promise<JudgeAnswer>
  close(): Promise<void>
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

export function openJudge(name: JudgeName): JudgeSession {
  const folder = import.meta.dirname
  const args = [join(folder, 'batch.py'), '--lines', join(folder, name, 'judge.py')]
  const child = spawn(pythonOf(name), args)
  const asked: PendingAnswer[] = []
  const stderr = collectErrors(child, asked, name)
  createInterface({ input: child.stdout }).on('line', line => {
    const pending = asked.shift()
    try {
      pending?.resolve(JSON.parse(line) as JudgeAnswer)
    } catch {
      pending?.reject(new Error(`${name} gave no answer: ${line}\n${stderr()}`))
    }
  })
  const closed = new Promise<void>(resolve => child.once('close', () => resolve()))
  const ask: JudgeSession['ask'] = (words, input) =>
    new Promise((resolve, reject) => {
      asked.push({ resolve, reject })
      child.stdin.write(`${JSON.stringify({ args: words, input })}\n`)
    })
  const close = (): Promise<void> => {
    child.stdin.end()
    return closed
  }
  return {
    ask,
    async tell(words, input) {
      const answer = await ask(words, input)
      if (answer.error === undefined) return answer
      throw new Error(`${name} refused ${words.join(' ')}: ${answer.error} ${answer.message}`)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

interface PendingAnswer {
  readonly resolve: (answer: JudgeAnswer) => void
  readonly reject: (error: Error) => void
}

/** What the process wrote to its errors last; when it ends, whoever still waits is told. */
function collectErrors(
  child: ChildProcessWithoutNullStreams,
  asked: PendingAnswer[],
  name: JudgeName,
): () => string {
  let stderr = ''
  child.stderr.on('data', chunk => {
    stderr = `${stderr}${chunk}`.slice(-2000)
  })
  const end = (why: string): void => {
    for (const { reject } of asked.splice(0)) reject(new Error(`${name} ended: ${why}\n${stderr}`))
  }
  child.stdin.on('error', error => end(error.message))
  child.once('error', error => end(error.message))
  child.once('close', code => end(`status ${code}`))
  return () => stderr
}

/** How Spark's judge opens the catalog of a lake's folder. */
export function sparkCatalog(folder: string): readonly string[] {
  return ['-p', `uri=jdbc:sqlite:${folder}/catalog.db?busy_timeout=20000`, '-p', `warehouse=file://${folder}`]
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
