/**
 * The README is true: its program and its commands are run in a fresh folder and print what stands there. Snapshot
 * ids and times differ from run to run; they are compared by their place.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serac } from './support/cli.js'

const ROOT = resolve(import.meta.dirname, '..')
const README = readFileSync(join(ROOT, 'README.md'), 'utf8')

let cwd: string
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'serac-readme-'))
  await mkdir(join(cwd, 'demo'))
  for (const name of ['feed.jsonl.gz', 'types.json'])
    await copyFile(join(ROOT, 'demo', name), join(cwd, 'demo', name))
})
afterAll(() => rm(cwd, { recursive: true, force: true }))

describe('README.md', () => {
  it('has a program that prints what it says', () => {
    const [code = '', shown = ''] = blocksOf('From TypeScript')
    const input = code.replace("'./lake'", JSON.stringify(join(cwd, 'program')))
    expect(input).not.toBe(code)
    // It imports the package by its name, so it runs from dist/, which `npm test` has built.
    const printed = execFileSync(process.execPath, ['--input-type=module'], { cwd: ROOT, input })
    expect(printed.toString()).toBe(shown)
  })

  it('shows commands with what they print', async () => {
    const steps = blocksOf('From the command line').flatMap(stepsOf)
    expect(steps.length).toBeGreaterThan(5)
    const ids = new Map<string, string>()
    for (const { command, shown } of steps) {
      const [program, ...args] = wordsOf(command)
      if (program === 'cat') {
        await writeFile(join(cwd, args[0] ?? ''), shown)
        continue
      }
      expect([program, args[0]]).toEqual(['npx', 'serac'])
      const { stdout, stderr } = await serac(
        args.slice(1).map(word => ids.get(word) ?? word),
        { cwd },
      )
      const printed = stdout + stderr
      learnIds(ids, shown, printed)
      const [wanted = '', rest] = shown.split('...\n')
      const compared = rest === undefined ? printed : printed.slice(0, wanted.length)
      expect([command, masked(compared)]).toEqual([command, masked(wanted)])
    }
  })
})

/** The fenced blocks below a heading, without their fences. */
function blocksOf(heading: string): readonly string[] {
  const part = README.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  return [...part.matchAll(/^```\w*\n([\s\S]*?)^```$/gm)].map(match => match[1] ?? '')
}

interface Step {
  readonly command: string
  readonly shown: string
}

/** `$ command`, continued after a backslash, and the lines up to the next one. */
function stepsOf(block: string): readonly Step[] {
  return block
    .replaceAll(' \\\n', ' ')
    .split(/^\$ /m)
    .slice(1)
    .map(step => {
      const [command = '', ...lines] = step.split('\n')
      return { command, shown: lines.join('\n').replace(/\n+$/, '\n') }
    })
}

/** Words as a shell cuts them; double quotes are all that the README uses. */
function wordsOf(command: string): readonly string[] {
  return [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(match => match[1] ?? match[2] ?? '')
}

const ID = /\b\d{15,19}\b/g

/** Which id of this run stands where the README has its own. */
function learnIds(ids: Map<string, string>, shown: string, printed: string): void {
  const found = printed.match(ID) ?? []
  for (const [index, id] of (shown.match(ID) ?? []).entries()) ids.set(id, found[index] ?? '')
}

/** Without what differs: ids, and times of snapshots; a shorter id is padded, and sizes vary with them. */
function masked(printed: string): string {
  return printed
    .replace(/ *\b\d{15,19}\b/g, ' <id>')
    .replace(/^-{15,19} {2}/gm, '<id>  ')
    .replace(/^ +snapshot {2}/gm, 'snapshot  ')
    .replace(/20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00/g, '<time>')
    .replace(/bytes: \d+/g, 'bytes: <n>')
    .replace(/\d+(\.\d)? (kB|bytes)/g, '<size>')
}
