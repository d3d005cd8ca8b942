/**
 * The documents agree with the tree: files that they name exist, records are numbered and listed, the floors are
 * those of `tidy.test.ts`, commands are those of `package.json`.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { VERSION } from '../src/version.js'

const ROOT = resolve(import.meta.dirname, '..')
const ADR = 'docs/adr'
const records = readdirSync(join(ROOT, ADR)).filter(name => /^\d{4}-.*\.md$/.test(name))
const PAGES = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'docs/ARCHITECTURE.md',
  'spec/conformance.md',
  'spec/commit-protocol.md',
  `${ADR}/README.md`,
  ...records.map(name => `${ADR}/${name}`),
]
const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const manifest = JSON.parse(text('package.json')) as {
  readonly version: string
  readonly scripts: Readonly<Record<string, string>>
  readonly engines: { readonly node: string }
  readonly dependencies: Readonly<Record<string, string>>
}

describe.each(PAGES)('%s', page => {
  it('names files that exist', () => {
    expect(namedPaths(text(page)).filter(path => !existsSync(join(ROOT, path)))).toEqual([])
  })

  it('links to pages that exist', () => {
    const links = [...text(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(match => match[1] ?? '')
    expect(links.filter(link => !existsSync(resolve(ROOT, dirname(page), link)))).toEqual([])
  })
})

describe('the decision records', () => {
  it('are numbered from 1 without gaps, in their name and in their heading', () => {
    expect(records.map(name => Number(name.slice(0, 4)))).toEqual(records.map((_, index) => index + 1))
    const headings = records.map(
      name =>
        text(`${ADR}/${name}`)
          .split('\n')[0]
          ?.match(/^# (\d+)\. \S/)?.[1],
    )
    expect(headings).toEqual(records.map((_, index) => String(index + 1)))
  })

  it('are all listed in the index, in order', () => {
    const listed = [...text(`${ADR}/README.md`).matchAll(/^\| \[(\d{4})\]\(([^)]+)\) \| (.+) \|$/gm)]
    expect(listed.map(match => match[2])).toEqual(records)
    expect(listed.map(match => match[2]?.slice(0, 4))).toEqual(listed.map(match => match[1]))
    const titles = records.map(name => text(`${ADR}/${name}`).match(/^# \d+\. (.+)$/m)?.[1])
    expect(listed.map(match => match[3])).toEqual(titles)
  })
})

describe('ARCHITECTURE.md', () => {
  it('shows the floors that tidy.test.ts holds', () => {
    const { floors, mayImport } = floorsOfTidyTest()
    const rows = tableRows(section('docs/ARCHITECTURE.md', 'The floors'))
    expect(rows.map(row => row[0])).toEqual(floors)
    for (const [floor = '', , allowed = ''] of rows) {
      expect([floor, floorsNamed(allowed, floors)]).toEqual([floor, mayImport.get(floor)])
    }
  })

  it('says where every third-party package lives', () => {
    const rows = tableRows(section('docs/ARCHITECTURE.md', 'Where third-party names live'))
    const packages = rows.flatMap(([names = '']) => names.split(', '))
    expect(packages.sort()).toEqual(Object.keys(manifest.dependencies).sort())
  })
})

describe('README.md', () => {
  it('has its two commands, each alone on a line', () => {
    const lines = text('README.md').split('\n')
    for (const command of ['npm ci && npm run demo', 'npm ci && npm test']) expect(lines).toContain(command)
  })

  it('names the Node version that package.json asks for', () => {
    expect(text('README.md')).toContain(`Node ${manifest.engines.node.replace('>=', '')}`)
  })
})

describe('commands in the documents', () => {
  it.each(['README.md', 'CONTRIBUTING.md'])('%s runs only scripts of package.json', page => {
    const scripts = [...text(page).matchAll(/\bnpm (?:run )?(test|run \S+|\S+)/g)]
      .map(match => match[0].replace(/^npm (run )?/, '').replace(/[`.,;:)]+$/, ''))
      .filter(name => !['ci', 'install', 'registry'].includes(name))
    expect(scripts.filter(name => manifest.scripts[name] === undefined)).toEqual([])
  })
})

describe('the version', () => {
  it('is one in package.json, the code and the newest entry of CHANGELOG.md', () => {
    const newest = text('CHANGELOG.md').match(/^## (\d+\.\d+\.\d+)/m)?.[1]
    expect({ newest, code: VERSION }).toEqual({ newest: manifest.version, code: manifest.version })
  })
})

describe('conformance.md', () => {
  it('gives each section of the specification one of the states that it explains', () => {
    const page = text('spec/conformance.md')
    const states = tableRows(page.slice(0, page.indexOf('\n## '))).map(row => row[0])
    const rows = page
      .split(/^## /m)
      .slice(1)
      .flatMap(part => tableRows(part))
    expect(rows.length).toBeGreaterThan(90)
    expect(rows.filter(row => !states.includes(row[1])).map(row => row[0])).toEqual([])
  })

  it('names code and a test for all that is supported', () => {
    const rows = tableRows(text('spec/conformance.md')).filter(row =>
      ['yes', 'partial', 'read only'].includes(row[1] ?? ''),
    )
    expect(rows.filter(row => !row[2]?.includes('src/') && row.length === 5).map(row => row[0])).toEqual([])
    expect(rows.filter(row => !row[3]?.includes('test/') && row.length === 5).map(row => row[0])).toEqual([])
  })
})

/** Paths in backticks that begin in a folder of the project; a pattern counts as its folder. */
function namedPaths(page: string): readonly string[] {
  const roots = /^(src|test|docs|spec|examples|bench|demo|\.ci)\//
  return [...page.matchAll(/`([^`\s]+)`/g)]
    .map(match => match[1] ?? '')
    .filter(path => roots.test(path))
    .flatMap(expandBraces)
    .map(path => path.replace(/[^/]*[*<].*$/, ''))
}

/** `a/{b,c}.ts` as two paths. */
function expandBraces(path: string): readonly string[] {
  const match = /^(.*)\{([^}]*)\}(.*)$/.exec(path)
  if (match === null) return [path]
  return (match[2] ?? '').split(',').map(part => `${match[1]}${part}${match[3]}`)
}

function section(page: string, heading: string): string {
  const [, found] = text(page).split(`\n## ${heading}\n`)
  return found?.split('\n## ')[0] ?? ''
}

/** Cells of the rows of all tables, headings left out. */
function tableRows(part: string): readonly (readonly string[])[] {
  const lines = part.split('\n')
  return lines
    .filter(
      (line, index) =>
        line.startsWith('|') && !/^\|[-| ]+\|$/.test(line) && !lines[index + 1]?.startsWith('|---'),
    )
    .map(line =>
      line
        .slice(1, -1)
        .split('|')
        .map(cell => cell.trim()),
    )
}

/** The table of `tidy.test.ts`, read as text: it is a test file and exports nothing. */
function floorsOfTidyTest(): {
  readonly floors: readonly string[]
  readonly mayImport: ReadonlyMap<string, readonly string[]>
} {
  const source = text('test/tidy.test.ts')
  const block = (from: string, to: string): string => source.split(from)[1]?.split(to)[0] ?? ''
  const quoted = (part: string): string[] => [...part.matchAll(/'([a-z]+)'/g)].map(match => match[1] ?? '')
  const floors = quoted(block('const FLOORS = [', ']'))
  const upTo = (floor: string): string[] => floors.slice(0, floors.indexOf(floor) + 1)
  const rows = [...block('const MAY_IMPORT', '\n}').matchAll(/^ {2}([a-z]+): (.+),$/gm)].map(
    ([, floor = '', list = '']) => {
      const range = /upTo\('([a-z]+)'\)/.exec(list)
      const single = quoted(list.replace(/upTo\('[a-z]+'\)/, ''))
      return [floor, [...(range?.[1] === undefined ? [] : upTo(range[1])), ...single]] as const
    },
  )
  return { floors, mayImport: new Map(rows) }
}

/** `base to writer` and `base, schema` as floors. */
function floorsNamed(cell: string, floors: readonly string[]): readonly string[] {
  if (cell === '-') return []
  if (cell === 'entry files') return ['entry']
  const range = /^(\w+) to (\w+)$/.exec(cell)
  if (range === null) return cell.split(', ')
  return floors.slice(floors.indexOf(range[1] ?? ''), floors.indexOf(range[2] ?? '') + 1)
}
