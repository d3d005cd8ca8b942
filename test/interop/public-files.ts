/** The public conformance set of the shared folder: its cases, and where they lie. They are not copied into the project. */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** The folder that projects of this machine share; SERAC_SHARED says where, else it stands next to the checkout. */
export const SHARED: string = process.env.SERAC_SHARED ?? resolve('..', 'shared')
const PUBLIC = join(SHARED, 'fixtures', 'public')

/** What the set says about a file; its README explains each property. */
export interface Expectation {
  readonly error: string | null
  readonly rows?: number
  readonly sha256?: string
  readonly rows_file?: string | null
  readonly accept_errors?: readonly string[]
  readonly accept_rows?: number
  readonly note?: string
  /** Of table metadata. */
  readonly facts?: Readonly<Record<string, string>>
  /** Of manifests. */
  readonly facts_file?: string
}

export interface PublicCase {
  readonly id: string
  readonly path: string
  readonly confidence: 'high' | 'medium' | 'low'
  readonly expect: Expectation
  readonly features: readonly string[]
  readonly format_version?: number | null
}

/** The cases of one kind; none where the set is missing. */
export function publicCases(kind: string): readonly PublicCase[] {
  const index = join(PUBLIC, 'index.json')
  if (!existsSync(index)) return []
  const cases = JSON.parse(readFileSync(index, 'utf8')) as readonly (PublicCase & { readonly kind: string })[]
  return cases.filter(each => each.kind === kind)
}

/** The full path of a file of the set. */
export function publicPath(path: string): string {
  return join(PUBLIC, path)
}

/** The expected rows, where the set holds them and not their digest alone. */
export function expectedLines({ rows_file }: Expectation): readonly string[] | undefined {
  if (rows_file === undefined || rows_file === null) return undefined
  const text = readFileSync(publicPath(rows_file), 'utf8')
  return text.split('\n').slice(0, -1)
}
