/**
 * Other engines as judges: PyIceberg and DuckDB read what serac wrote, PyIceberg writes what serac reads.
 * `test/judges/setup.sh` installs them. Without them the suites are skipped; with CI=true they must run.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const ROOT = process.env.SERAC_JUDGES_DIR ?? join(homedir(), '.cache', 'serac-judges')

export type JudgeName = 'pyiceberg' | 'duckdb'

export interface JudgeAnswer {
  readonly fields?: readonly string[]
  readonly rows?: readonly (readonly unknown[])[]
  readonly count?: number
  readonly error?: string
  readonly message?: string
  readonly [key: string]: unknown
}

/** False only where the judge is missing and may be: outside CI. */
export function judgeIsHere(name: JudgeName): boolean {
  return process.env.CI === 'true' || existsSync(pythonOf(name))
}

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

/** Asks many things in turn, in one process of the engine. */
export async function askAll(
  name: JudgeName,
  requests: readonly JudgeRequest[],
): Promise<readonly JudgeAnswer[]> {
  const folder = import.meta.dirname
  const args = [join(folder, 'batch.py'), join(folder, name, 'judge.py')]
  const { stdout, stderr } = await run(pythonOf(name), args, requests)
  try {
    return JSON.parse(stdout) as JudgeAnswer[]
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
