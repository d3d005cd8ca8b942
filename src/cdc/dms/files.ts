/**
 * The files of a DMS target: what there is, which table each belongs to, and in what order they are read.
 *
 * Someone may name the folder above the schemas, a schema, a table, or single files. How many folders lie between the
 * root and the tables is told by the file that lies least deep.
 */
import { LakeError } from '../../base/errors.js'
import type { FileIO } from '../../io/file-io.js'
import type { SourceTable } from '../change-event.js'
import { printSource } from '../source-tables.js'
import { type DmsFileKind, momentOf, parseDmsName, withoutDateFolders } from './names.js'
import type { DmsSettings } from './settings.js'

export interface DmsFile {
  readonly location: string
  readonly sizeBytes: number
  readonly kind: DmsFileKind
  readonly format: 'csv' | 'parquet'
  /** Base name; with the folders between it and its table's for a full load in partitions. */
  readonly name: string
  readonly place: string
}

export interface DmsTableFiles {
  readonly source: SourceTable
  /** In the order to read them. */
  readonly files: readonly DmsFile[]
}

export interface DmsListing {
  readonly tables: readonly DmsTableFiles[]
  /** Changes of all tables in commit order. */
  readonly transactions: readonly DmsFile[]
}

export interface ListOptions {
  readonly settings: DmsSettings
  readonly onIgnored: (what: string) => void
  readonly signal?: AbortSignal | undefined
}

/** A file with the folders that lie between the root and it. */
interface FoundFile {
  readonly location: string
  readonly sizeBytes: number
  readonly root: readonly string[]
  readonly folders: readonly string[]
  readonly base: string
  readonly kind: DmsFileKind
}

/**
 * Lists folders, prefixes and files.
 * @throws not-found where there is no file of DMS; invalid-argument for files whose table cannot be told; conflict when two
 * files have one name
 */
export async function listDmsFiles(
  io: FileIO,
  locations: readonly string[],
  options: ListOptions,
): Promise<DmsListing> {
  const tables = new Map<string, { readonly source: SourceTable; readonly files: DmsFile[] }>()
  const transactions: DmsFile[] = []
  for (const location of locations) {
    const found = await findFiles(io, location, options)
    const depth = tableDepth(found)
    for (const file of found) {
      if (file.kind === 'transactions') {
        transactions.push(dmsFile(file, file.base))
        continue
      }
      const { schema, name, between } = tableOf(file, depth)
      const source = sourceTableOf(schema, name, options.settings)
      if (source.name.startsWith('awsdms_')) {
        options.onIgnored('file of a table of DMS itself')
        continue
      }
      const key = printSource(source)
      const table = tables.get(key) ?? { source, files: [] }
      table.files.push(dmsFile(file, [...between, file.base].join('/')))
      tables.set(key, table)
    }
  }
  const listed = [...tables.values()].sort((a, b) => (printSource(a.source) < printSource(b.source) ? -1 : 1))
  checkOneForm(listed, transactions)
  for (const { files } of listed) sortFiles(files)
  sortFiles(transactions)
  return { tables: listed, transactions }
}

function dmsFile({ location, sizeBytes }: FoundFile, name: string): DmsFile {
  const parsed = parseDmsName(name)
  if (parsed === undefined) throw notOfDms(location)
  return { location, sizeBytes, name, ...parsed }
}

function sortFiles(files: DmsFile[]): void {
  files.sort((a, b) => (a.place < b.place ? -1 : a.place > b.place ? 1 : 0))
  for (const [index, file] of files.entries()) {
    const before = files[index - 1]
    if (before?.place !== file.place) continue
    throw new LakeError('conflict', 'two files of a table have one name: which of them counts?', {
      context: { location: before.location, other: file.location, remedy: 'remove one of them' },
    })
  }
}

function checkOneForm(tables: readonly DmsTableFiles[], transactions: readonly DmsFile[]): void {
  const [transaction] = transactions
  const changes = tables.flatMap(({ files }) => files).find(({ kind }) => kind === 'changes')
  if (transaction === undefined || changes === undefined) return
  throw new LakeError(
    'unsupported',
    'there are files of changes by table and by transaction, and no order between them',
    {
      context: { location: changes.location, transactions: transaction.location },
    },
  )
}

async function findFiles(io: FileIO, location: string, options: ListOptions): Promise<readonly FoundFile[]> {
  const path = location.replace(/\/+$/, '')
  const name = path.slice(path.lastIndexOf('/') + 1)
  const single = parseDmsName(name)
  if (single !== undefined) {
    const { sizeBytes } = await io.stat(path, { signal: options.signal })
    const root = path.slice(0, -name.length).split('/').filter(Boolean)
    return [{ location: path, sizeBytes, root, folders: [], base: name, kind: single.kind }]
  }
  const found: FoundFile[] = []
  const root = path.split('/').filter(Boolean)
  for await (const file of io.list(`${path}/`, { signal: options.signal })) {
    const folders = file.location.slice(path.length + 1).split('/')
    const base = folders.pop() ?? ''
    const parsed = parseDmsName(base)
    if (parsed === undefined) options.onIgnored('file that is not one of DMS')
    else
      found.push({
        location: file.location,
        sizeBytes: file.sizeBytes,
        root,
        folders,
        base,
        kind: parsed.kind,
      })
  }
  if (found.length === 0) throw notOfDms(location)
  return found
}

function notOfDms(location: string): LakeError {
  return new LakeError('not-found', 'there is no file with a name that DMS gives', {
    context: {
      location,
      names: ['LOAD00000001.csv', '20261121-082659221.csv', 'CDC_TXN-20261121082659221.csv'],
    },
  })
}

/** Folders between the root and a table's files: schema and table, the table, or none. */
function tableDepth(files: readonly FoundFile[]): number {
  let depth = 2
  for (const file of files) if (file.kind !== 'transactions') depth = Math.min(depth, foldersOf(file).length)
  return depth
}

function foldersOf({ kind, folders }: FoundFile): readonly string[] {
  return kind === 'changes' ? withoutDateFolders(folders) : folders
}

/** The table of a file, and the folders between the table's and the file: partitions of a full load. */
function tableOf(
  file: FoundFile,
  depth: number,
): { readonly schema: string; readonly name: string; readonly between: readonly string[] } {
  const folders = foldersOf(file)
  const above = depth === 2 || file.folders.length > 0 ? file.root : withoutDateFolders(file.root)
  const [schema = '', name] = [...above, ...folders.slice(0, depth)].slice(-2)
  const between = folders.slice(depth)
  if (name === undefined || (file.kind === 'changes' && between.length > 0)) {
    throw new LakeError('invalid-argument', 'which table a file belongs to cannot be told', {
      context: {
        location: file.location,
        remedy: 'name the folder that the schemas are in: <schema>/<table>/<file>',
      },
    })
  }
  return { schema, name, between }
}

/** Orders files of several tables: the full loads first, changes by their time. */
export function compareFiles(a: DmsFile, b: DmsFile): number {
  const [momentA, momentB] = [momentOf(a.place), momentOf(b.place)]
  return momentA < momentB ? -1 : momentA > momentB ? 1 : 0
}

/** The source table of a schema, which is a database where the source is MySQL or MariaDB. */
export function sourceTableOf(schema: string, name: string, { engine }: DmsSettings): SourceTable {
  return engine === 'mysql' ? { schema: '', name, database: schema } : { schema, name }
}
