/**
 * The shape of the code, held as a test: floors and cycles, one home for time and chance, third-party names
 * that stop at one file, dead files, the pinned list of dependencies, nothing of a machine in what we commit.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = resolve(import.meta.dirname, '..')
const SRC = join(ROOT, 'src')

/** Which folder may import which, in floor order: the table of docs/ARCHITECTURE.md. */
const FLOORS = [
  'base',
  'schema',
  'batch',
  'io',
  'expression',
  'format',
  'metadata',
  'manifest',
  'rest',
  'catalog',
  'snapshot',
  'commit',
  'reader',
  'writer',
  'cdc',
  'maintenance',
  'sql',
  'lake',
  'server',
  'cli',
] as const
type Floor = (typeof FLOORS)[number]

const upTo = (floor: Floor): readonly Floor[] => FLOORS.slice(0, FLOORS.indexOf(floor) + 1)
const MAY_IMPORT: Readonly<Record<Floor, readonly (Floor | 'entry')[]>> = {
  base: [],
  schema: ['base'],
  batch: ['base', 'schema'],
  io: ['base'],
  expression: ['base', 'schema', 'batch'],
  format: ['base', 'schema', 'batch', 'io'],
  metadata: ['base', 'schema', 'io', 'format'],
  manifest: ['base', 'schema', 'batch', 'io', 'expression', 'format', 'metadata'],
  rest: ['base', 'schema', 'expression', 'metadata', 'manifest'],
  catalog: ['base', 'schema', 'io', 'metadata', 'rest'],
  snapshot: ['base', 'schema', 'io', 'expression', 'metadata', 'manifest'],
  commit: ['base', 'schema', 'io', 'expression', 'metadata', 'manifest', 'snapshot', 'catalog'],
  reader: ['base', 'schema', 'batch', 'io', 'expression', 'format', 'metadata', 'manifest', 'snapshot'],
  writer: [...upTo('snapshot'), 'commit', 'reader'],
  cdc: upTo('writer'),
  maintenance: upTo('writer'),
  sql: upTo('maintenance'),
  lake: upTo('sql'),
  server: upTo('lake'),
  cli: ['entry'],
}

/** The entry files: exports only. They, the command line and what workers load are where everything is reached from. */
const ENTRIES = ['index.ts', 'cdc.ts', 'server.ts', 'version.ts']
const ROOTS = [...ENTRIES, 'cli/main.ts', 'base/worker-entry.ts', 'format/parquet/worker.ts']

/** Third-party packages, and the only places under src/ that may name them: files, or how their names begin. */
const HOMES: Readonly<Record<string, readonly string[]>> = {
  '@aws-crypto/sha256-js': ['io/aws-sign.ts'],
  '@aws-sdk/client-dynamodb': ['catalog/dynamodb-'],
  '@aws-sdk/client-s3': ['io/s3'],
  '@aws-sdk/credential-providers': ['io/aws-config.ts'],
  '@foxglove/wasm-zstd': ['format/compression/zstd.ts'],
  '@hono/node-server': ['server/'],
  '@photostructure/sqlite': ['catalog/embedded-db.ts'],
  '@smithy/node-http-handler': ['io/aws-config.ts'],
  '@smithy/signature-v4': ['io/aws-sign.ts'],
  'apache-arrow': ['format/arrow.ts', 'format/arrow-kinds.ts', 'format/arrow-out.ts'],
  avsc: ['format/avro-codec.ts'],
  commander: ['cli/'],
  hono: ['server/'],
  hysnappy: ['format/compression/snappy.ts'],
  'lossless-json': ['base/json.ts'],
  'lz4-wasm-nodejs': ['format/compression/lz4.ts'],
  'parquet-wasm': ['format/parquet/wasm/engine.ts'],
  piscina: ['base/worker-pool.ts', 'base/worker-entry.ts'],
  'prom-client': ['server/'],
  uuid: ['base/runtime.ts'],
}

/**
 * What a process waits for before it does anything: the packages that an entry loads at once, and places of src/ that it
 * must not. All else is imported by the first call that needs it.
 */
const LOADED_AT_ONCE: readonly {
  readonly entry: string
  readonly packages: readonly string[]
  readonly without: RegExp
}[] = [
  {
    entry: 'index.ts',
    packages: ['hysnappy', 'lossless-json', 'uuid'],
    without:
      /^(writer|maintenance|cdc|cli)\/|^sql\/(?!template)|^format\/(avro-data|parquet\/(wasm|encode))\/|^catalog\/(embedded|dynamodb|filesystem|rest)|^io\/(s3|aws)|^server\//,
  },
  { entry: 'cli/main.ts', packages: ['commander'], without: /^(?!cli\/)/ },
  { entry: 'base/worker-entry.ts', packages: ['piscina'], without: /^(?!base\/)/ },
  {
    entry: 'format/parquet/worker.ts',
    packages: ['hysnappy'],
    without: /^(?!base|schema|batch|format)|^format\/parquet\/(wasm|encode)\//,
  },
]

const BANNED: readonly { readonly pattern: RegExp; readonly why: string; readonly except?: string }[] = [
  {
    pattern: /\bDate\.now\(|\bnew Date\(|\bperformance\.now\(/,
    why: 'time comes from Runtime',
    except: 'base/runtime.ts',
  },
  {
    pattern: /\bMath\.random\(|\brandomUUID\(|\brandomBytes\(/,
    why: 'chance comes from Runtime',
    except: 'base/runtime.ts',
  },
  { pattern: /\bset(Timeout|Interval)\(/, why: 'waits go through Runtime', except: 'base/runtime.ts' },
  { pattern: /^export \* /m, why: 'every export is named' },
  { pattern: /^export default /m, why: 'there are no default exports' },
  { pattern: /@ts-(ignore|expect-error|nocheck)/, why: 'the compiler is not silenced' },
]

const files = walk(SRC).filter(file => file.endsWith('.ts'))
const sources = new Map(files.map(file => [relative(SRC, file), readFileSync(file, 'utf8')]))
const imports = new Map([...sources].map(([name, text]) => [name, importsOf(name, text)]))
const atOnce = new Map([...sources].map(([name, text]) => [name, importsOf(name, withoutLateImports(text))]))

describe('the shape of the code', () => {
  it('lets a folder import only the floors of its row', () => {
    const findings: string[] = []
    for (const [name, list] of imports) {
      const floor = floorOf(name)
      if (floor === 'entry') continue
      if (!isFloor(floor)) {
        findings.push(`${name}: ${floor} is on no floor`)
        continue
      }
      for (const target of list.local) {
        const to = floorOf(target)
        if (to !== floor && !MAY_IMPORT[floor].some(allowed => allowed === to)) {
          findings.push(`${name}: ${floor} may not import ${target}`)
        }
      }
    }
    expect(findings).toEqual([])
  })

  it('has no import cycles, of types neither', () => {
    expect(findCycles()).toEqual([])
  })

  it('has no file that nothing reaches', () => {
    const seen = new Set<string>()
    const queue = ROOTS.filter(root => sources.has(root))
    for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
      if (seen.has(file)) continue
      seen.add(file)
      queue.push(...(imports.get(file)?.local ?? []))
    }
    const testText = walk(join(ROOT, 'test'))
      .filter(file => file.endsWith('.ts'))
      .map(file => readFileSync(file, 'utf8'))
      .join('\n')
    const isTestLayer = (file: string): boolean =>
      /(^|\/)(failing|metered)\.ts$/.test(file) && testText.includes(file.replace(/\.ts$/, '.js'))
    expect([...sources.keys()].filter(file => !seen.has(file) && !isTestLayer(file))).toEqual([])
  })

  it.each(LOADED_AT_ONCE)('loads little with $entry', ({ entry, packages, without }) => {
    const loaded = loadedAtOnce(entry)
    const outside = [...loaded].flatMap(file => atOnce.get(file)?.packages ?? [])
    expect([...new Set(outside)].sort()).toEqual(packages)
    expect([...loaded].filter(file => without.test(file))).toEqual([])
  })

  it('takes time and chance from one file, and leaves no back doors', () => {
    const findings: string[] = []
    for (const [name, text] of sources) {
      for (const { pattern, why, except } of BANNED) {
        if (name !== except && pattern.test(withoutComments(text))) findings.push(`${name}: ${why}`)
      }
    }
    expect(findings).toEqual([])
  })

  it('keeps entry files to exports', () => {
    for (const entry of ENTRIES) {
      const statements = withoutComments(sources.get(entry) ?? '')
        .split(/\n(?=\S)/)
        .filter(statement => statement.trim() !== '' && !/^[}\])]/.test(statement))
      expect(statements.filter(statement => !/^export (type )?\{/.test(statement))).toEqual([])
    }
  })

  it('names each third-party package in its home only, and every dependency somewhere', () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>
      devDependencies: Record<string, string>
    }
    const findings: string[] = []
    const used = new Set<string>()
    for (const [name, list] of imports) {
      for (const specifier of list.packages) {
        const home = Object.keys(HOMES).find(
          known => specifier === known || specifier.startsWith(`${known}/`),
        )
        if (home === undefined) findings.push(`${name}: ${specifier} is not a known dependency`)
        else {
          used.add(home)
          const allowed = HOMES[home]?.some(
            place => name === place || (!place.endsWith('.ts') && name.startsWith(place)),
          )
          if (allowed !== true) findings.push(`${name}: ${home} does not live here`)
        }
      }
    }
    for (const name of Object.keys(manifest.dependencies)) {
      if (!used.has(name)) findings.push(`package.json: nothing imports ${name}`)
    }
    for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
      if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
        findings.push(`package.json: ${name} has no exact version`)
    }
    expect(findings).toEqual([])
    expect(Object.keys(manifest.dependencies).sort()).toEqual(Object.keys(HOMES).sort())
  })

  it('writes a decision record for every dependency', () => {
    const records = readdirSync(join(ROOT, 'docs/adr')).map(file =>
      readFileSync(join(ROOT, 'docs/adr', file), 'utf8'),
    )
    expect(Object.keys(HOMES).filter(name => !records.some(text => text.includes(name)))).toEqual([])
  })

  it('commits no path of a machine and no address of a package registry', () => {
    const committed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: ROOT,
    })
      .toString()
      .split('\0')
      .filter(name => /\.(ts|md|json|sh|yml|mjs|py|txt)$|^\.ci\//.test(name) && existsSync(join(ROOT, name)))
    const forbidden =
      /\/(root|home\/[a-z]+|work)\/[a-z.]|[`'"]\/tmp\/|registry\.npmjs|pypi\.org|repo1?\.maven|crates\.io|proxy\.golang/
    const findings = committed.filter(
      name => name !== 'test/tidy.test.ts' && forbidden.test(readFileSync(join(ROOT, name), 'utf8')),
    )
    expect(findings).toEqual([])
  })
})

function isFloor(name: string): name is Floor {
  return (FLOORS as readonly string[]).includes(name)
}

function floorOf(name: string): string {
  return name.includes('/') ? (name.split('/')[0] ?? '') : 'entry'
}

function importsOf(name: string, text: string): { local: string[]; packages: string[] } {
  const specifiers = [
    ...withoutComments(text).matchAll(
      /(?:^|[\s;])(?:import|export)\s[^'"`;]*?from\s*'([^']+)'|^import\s*'([^']+)'|\b(?:import|require)\(\s*'([^']+)'\s*\)/gm,
    ),
  ].map(match => match[1] ?? match[2] ?? match[3] ?? '')
  const local = specifiers
    .filter(specifier => specifier.startsWith('.'))
    .map(specifier => relative(SRC, resolve(dirname(join(SRC, name)), specifier)).replace(/\.js$/, '.ts'))
    .filter(target => target.endsWith('.ts'))
  const packages = specifiers.filter(
    specifier => !specifier.startsWith('.') && !specifier.startsWith('node:'),
  )
  return { local, packages }
}

/** The text without imports of types, which leave no trace in JavaScript, and without those that a call makes. */
function withoutLateImports(text: string): string {
  return withoutComments(text)
    .replace(/^(import|export) type [^'"`]*?from\s*'[^']+'/gm, '')
    .replace(/\b(import|require)\(\s*'[^']+'\s*\)/g, '')
}

/** The files that are loaded with a file. */
function loadedAtOnce(entry: string): Set<string> {
  const seen = new Set<string>()
  const queue = [entry]
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (seen.has(file)) continue
    seen.add(file)
    queue.push(...(atOnce.get(file)?.local ?? []))
  }
  return seen
}

function findCycles(): string[] {
  const done = new Set<string>()
  const path: string[] = []
  const cycles: string[] = []
  const visit = (file: string): void => {
    const at = path.indexOf(file)
    if (at >= 0) cycles.push([...path.slice(at), file].join(' > '))
    if (at >= 0 || done.has(file)) return
    path.push(file)
    for (const next of imports.get(file)?.local ?? []) visit(next)
    path.pop()
    done.add(file)
  }
  for (const file of sources.keys()) visit(file)
  return cycles
}

/** The text without comments; strings are left alone, which is near enough for what is looked for. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1')
}

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name)
    return entry.isDirectory() ? walk(path) : [path]
  })
}
