/**
 * Views of the embedded catalog: rows of the table that holds the tables, of type VIEW. A transaction cannot land
 * later, so what is found under the write lock after a lost answer is final.
 */
import { LakeError } from '../base/errors.js'
import type { IoOptions } from '../io/file-io.js'
import { readViewMetadata } from '../metadata/view-metadata-file.js'
import { namespaceMissing, viewMissing } from './catalog-errors.js'
import { checkFree, checkIdentifier, type EmbeddedContext, readRows, writeRows } from './embedded-context.js'
import {
  deleteTable,
  findTable,
  hasNamespace,
  insertView,
  listViews,
  type Rows,
  renameTable,
  swapTable,
} from './embedded-rows.js'
import { type Namespace, printIdentifier, type TableIdentifier } from './identifier.js'
import {
  commitView,
  type FoundView,
  type ViewPointers,
  type ViewSwap,
  type ViewSwapAnswer,
} from './view-commit.js'
import type { CatalogViews, LoadedView } from './views.js'

export function embeddedViews(context: EmbeddedContext): CatalogViews {
  const pointers = viewPointers(context)
  return {
    list: (namespace, options = {}) => readRows(context, rows => viewsOf(rows, namespace), options),
    async load(identifier, options = {}) {
      const found = await find(context, identifier, options)
      if (typeof found === 'string') throw viewMissing(identifier)
      return found.view
    },
    exists: (identifier, options = {}) =>
      readRows(context, rows => findTable(rows, identifier)?.kind === 'view', options),
    async drop(identifier, options = {}) {
      await writeRows(context, rows => dropView(rows, identifier), options)
    },
    async rename(from, to, options = {}) {
      checkIdentifier(to)
      await writeRows(context, rows => moveView(rows, from, to), options)
    },
    async register(identifier, metadataLocation, options = {}) {
      checkIdentifier(identifier)
      const metadata = await readViewMetadata(context.io, metadataLocation, options)
      await writeRows(context, rows => addView(rows, identifier, metadataLocation), options)
      return { identifier, metadata, metadataLocation }
    },
    async commit(change, options = {}) {
      checkIdentifier(change.identifier)
      return commitView(pointers, change, options)
    },
  }
}

// ---- names

function viewsOf(rows: Rows, namespace: Namespace): readonly TableIdentifier[] {
  if (!hasNamespace(rows, namespace)) throw namespaceMissing(namespace)
  return listViews(rows, namespace)
}

function checkThere(rows: Rows, identifier: TableIdentifier): void {
  if (findTable(rows, identifier)?.kind !== 'view') throw viewMissing(identifier)
}

function dropView(rows: Rows, identifier: TableIdentifier): void {
  checkThere(rows, identifier)
  deleteTable(rows, identifier)
}

function moveView(rows: Rows, from: TableIdentifier, to: TableIdentifier): void {
  checkThere(rows, from)
  checkFree(rows, to)
  renameTable(rows, from, to)
}

function addView(rows: Rows, identifier: TableIdentifier, metadataLocation: string): void {
  checkFree(rows, identifier)
  insertView(rows, identifier, metadataLocation)
}

// ---- pointers

/** A row is found again by its view's name. */
type Swap = ViewSwap<undefined>

function viewPointers(context: EmbeddedContext): ViewPointers<undefined> {
  const { io, runtime } = context
  return {
    io,
    runtime,
    find: (identifier, options) => find(context, identifier, options),
    swap: (swap, options) => decide(context, rows => swapPointer(rows, swap), options),
    swapAgain: (swap, options) => decide(context, rows => swapAgain(rows, swap), options),
  }
}

async function decide(
  { db, catalogName }: EmbeddedContext,
  work: (rows: Rows) => ViewSwapAnswer,
  options: IoOptions,
): Promise<ViewSwapAnswer> {
  const outcome = await db.write(sql => work({ sql, catalogName }), options.signal)
  return outcome.status === 'done' ? outcome.value : { status: 'unknown', cause: outcome.cause }
}

async function find(
  context: EmbeddedContext,
  identifier: TableIdentifier,
  options: IoOptions,
): Promise<FoundView<undefined> | 'missing' | 'table'> {
  const row = await readRows(context, rows => findTable(rows, identifier), options)
  if (row === undefined) return 'missing'
  if (row.kind !== 'view') return 'table'
  return {
    view: await loadView(context, { identifier, metadataLocation: row.metadataLocation }, options),
    entry: undefined,
  }
}

async function loadView(
  { io }: EmbeddedContext,
  row: { readonly identifier: TableIdentifier; readonly metadataLocation: string | undefined },
  options: IoOptions,
): Promise<LoadedView> {
  const { identifier, metadataLocation } = row
  if (metadataLocation === undefined)
    throw new LakeError('corrupt', 'the catalog names no metadata file for the view', {
      context: { view: printIdentifier(identifier) },
    })
  return { identifier, metadataLocation, metadata: await readViewMetadata(io, metadataLocation, options) }
}

function swapPointer(rows: Rows, { identifier, from, to }: Swap): ViewSwapAnswer {
  const row = findTable(rows, identifier)
  if (from === undefined) {
    if (row !== undefined) return { status: 'lost' }
    if (!hasNamespace(rows, identifier.namespace)) return { status: 'no-namespace' }
    insertView(rows, identifier, to.metadataLocation)
    return { status: 'swapped' }
  }
  const isSwapped =
    row?.kind === 'view' &&
    swapTable(rows, identifier, { from: from.view.metadataLocation, to: to.metadataLocation })
  return { status: isSwapped ? 'swapped' : 'lost' }
}

/** When others went on, only the pointer before theirs is known. */
function swapAgain(rows: Rows, swap: Swap): ViewSwapAnswer {
  const row = findTable(rows, swap.identifier)
  const ours = swap.to.metadataLocation
  if (row?.metadataLocation === ours || row?.previousMetadataLocation === ours) return { status: 'swapped' }
  const again = swapPointer(rows, swap)
  if (again.status !== 'lost') return again
  const cause = new LakeError('unavailable', 'the view was changed or dropped after an answer was lost')
  return { status: 'unknown', cause }
}
