/**
 * Transactions: what some work does to one table or several is committed all together, or not at all.
 *
 *   load the tables -> work: writes files, each operation upon what those before it made -> one Catalog.commit
 *                      ^ runs once                                                          ^ after a conflict the operations
 *                                                                                             decide anew, in their order
 *
 * Whoever reads sees the tables as they were, until the commit. Inside, reads see what the transaction did. What the work
 * read has to be true still when it commits, else it was done for nothing that is: `conflict`, and nothing has happened.
 */
import { present } from '../base/assert.js'
import { checkSignal, LakeError } from '../base/errors.js'
import type { Catalog, LoadedTable, TableIdentifier } from '../catalog/catalog.js'
import { parseIdentifier, printIdentifier } from '../catalog/identifier.js'
import { createHold, type HeldSnapshots } from '../catalog/read-hold.js'
import { type CommitEvent, commitTables } from '../commit/commit-loop.js'
import { holdFiles } from '../commit/hold-lease.js'
import { type LandedStep, landedStep, type Once, onceAction } from '../commit/once.js'
import type { CommitTarget, TableAction, TableChange } from '../commit/table-action.js'
import { type Provenance, withProvenance } from './commit.js'
import type { LakeContext, TransactionHooks } from './context.js'
import { createTransactionTable, type TransactionTableState } from './transaction-table.js'

export interface TransactionOptions extends Provenance {
  /**
   * With `serializable` the rows that the work read by scans, and the rows by which its operations found nothing to do, have
   * to be the same when it commits. With `snapshot` only what it writes is checked. Default serializable.
   */
  readonly isolation?: 'serializable' | 'snapshot' | undefined
  /**
   * The transaction is done once: the work does not run when it has landed before. The step is kept with the first table
   * named, on its main branch; that table gets a snapshot in any case.
   */
  readonly once?: Once | undefined
  readonly signal?: AbortSignal | undefined
}

/** What a transaction did to one of its tables. */
export interface TransactionTableReport {
  readonly name: string
  readonly changed: boolean
  /** Snapshots that it added, one for each operation that had something to change, oldest first. */
  readonly snapshotIds: readonly bigint[]
  readonly metadataLocation: string
}

export interface TransactionReport<T> {
  /** What the work returned; undefined when it did not run, since it had landed before. */
  readonly value: T | undefined
  readonly changed: boolean
  /** True when the step of `once` had landed before. */
  readonly replayed?: boolean | undefined
  readonly tables: readonly TransactionTableReport[]
  /** Attempts that the commit took. */
  readonly attempts: number
}

/** The tables of a transaction, as its work gets them. */
export interface TransactionScope<H> {
  /** A handle that works inside of the transaction; without a name that of its only table. @throws invalid-argument */
  table(name?: string | TableIdentifier): H
}

/** The work, and how a handle is made whose context is the transaction's. */
export interface TransactionWork<H, T> {
  readonly work: (scope: TransactionScope<H>) => Promise<T>
  readonly open: (context: LakeContext, identifier: TableIdentifier) => H
  readonly options: TransactionOptions
}

/**
 * Runs the work and commits what it did.
 * @throws conflict when what it read has changed, when other commits won every attempt, and what its operations throw;
 * unsupported for several tables on a catalog that cannot commit them together, before anything is written;
 * invalid-argument when an operation was not awaited; what the work throws; what `commitTables` throws
 */
export async function transact<H extends object, T>(
  context: LakeContext,
  names: readonly (string | TableIdentifier)[],
  given: TransactionWork<H, T>,
): Promise<TransactionReport<T>> {
  const { catalog } = context
  const { signal, once } = given.options
  const identifiers = identifiersOf(names)
  checkCatalog(catalog, identifiers)
  const hold = createHold(catalog.leases)
  const load = (): Promise<LoadedTable[]> =>
    Promise.all(identifiers.map(identifier => catalog.loadTable(identifier, { signal })))
  return hold.during(async () => {
    const bases = await hold.load(load, headsOf)
    const landed = once === undefined ? undefined : landedStep(firstOf(bases).metadata, once)
    if (landed !== undefined) return replayReport(bases, landed)
    return runTransaction(context, bases, given)
  })
}

function identifiersOf(names: readonly (string | TableIdentifier)[]): readonly TableIdentifier[] {
  const identifiers = names.map(name => (typeof name === 'string' ? parseIdentifier(name) : name))
  const printed = identifiers.map(printIdentifier)
  if (printed.length > 0 && new Set(printed).size === printed.length) return identifiers
  throw new LakeError('invalid-argument', 'a transaction names its tables, each once', {
    context: { tables: printed },
  })
}

function checkCatalog(catalog: Catalog, identifiers: readonly TableIdentifier[]): void {
  if (identifiers.length === 1 || catalog.multiTable) return
  throw new LakeError('unsupported', 'this catalog cannot commit several tables at once', {
    context: { catalog: catalog.name, tables: identifiers.map(printIdentifier) },
  })
}

/** What reading inside of the transaction begins with. */
function headsOf(bases: readonly LoadedTable[]): HeldSnapshots {
  return [...new Set(bases.flatMap(base => Object.values(base.metadata.refs).map(ref => ref.snapshotId)))]
}

function firstOf<E>(items: readonly E[]): E {
  return present(items[0], 'the first table of a transaction')
}

// ---- running the work

async function runTransaction<H extends object, T>(
  context: LakeContext,
  bases: readonly LoadedTable[],
  given: TransactionWork<H, T>,
): Promise<TransactionReport<T>> {
  const { runtime } = context
  const checksReads = given.options.isolation !== 'snapshot'
  const tables = bases.map(base => {
    const files = holdFiles({ ...context, identifier: base.identifier })
    return createTransactionTable(base, { files, runtime, checksReads })
  })
  const session = openSession(context, tables, given)
  try {
    const value = await workOf(session, tables, given)
    return await commitAll(context, tables, { options: given.options, value })
  } finally {
    for (const { files } of tables) await files.end()
  }
}

/** What the work returns. When it throws, nothing is left of what it did. */
async function workOf<H extends object, T>(
  session: Session<H>,
  tables: readonly TransactionTableState[],
  given: TransactionWork<H, T>,
): Promise<T> {
  try {
    const value = await given.work(session.scope)
    await session.end()
    return value
  } catch (error) {
    await session.end().catch(() => undefined)
    for (const table of tables) await table.abandon()
    throw error
  }
}

interface Session<H> {
  readonly scope: TransactionScope<H>
  /** No operation begins after this. @throws invalid-argument when one has not ended: it was not awaited */
  end(): Promise<void>
}

function openSession<H extends object, T>(
  context: LakeContext,
  tables: readonly TransactionTableState[],
  { open, options }: TransactionWork<H, T>,
): Session<H> {
  const running = new Set<Promise<unknown>>()
  let ended = false
  const checkOpen = (): void => {
    if (ended) throw new LakeError('invalid-argument', 'the transaction has ended')
  }
  const watch = (result: unknown): unknown => {
    if (!(result instanceof Promise)) return result
    const done = (): void => {
      running.delete(result)
    }
    running.add(result)
    result.then(done, done)
    return result
  }
  const handles = new Map(
    tables.map(table => {
      const { identifier } = table.base
      const inside = contextInside(context, table, { options, checkOpen })
      return [printIdentifier(identifier), watched(open(inside, identifier), { checkOpen, watch })] as const
    }),
  )
  return {
    scope: {
      table(name) {
        checkOpen()
        return handleNamed(handles, name)
      },
    },
    async end() {
      ended = true
      const late = [...running]
      await Promise.allSettled(late)
      if (late.length === 0) return
      throw new LakeError('invalid-argument', 'an operation of the transaction was not awaited', {
        context: { operations: late.length },
      })
    },
  }
}

function handleNamed<H>(handles: ReadonlyMap<string, H>, name: string | TableIdentifier | undefined): H {
  const printed = typeof name === 'object' ? printIdentifier(name) : name
  const only = handles.size === 1 ? [...handles.values()][0] : undefined
  const handle = printed === undefined ? only : handles.get(printed)
  if (handle !== undefined) return handle
  throw new LakeError(
    'invalid-argument',
    'the table is not one of those that the transaction was begun with',
    {
      context: { table: printed ?? '', tables: [...handles.keys()] },
    },
  )
}

/** The handle, whose methods are refused behind the end, and whose promises are known. */
function watched<H extends object>(
  handle: H,
  on: { readonly checkOpen: () => void; readonly watch: (result: unknown) => unknown },
): H {
  return new Proxy(handle, {
    get(target, key): unknown {
      const member: unknown = Reflect.get(target, key)
      if (typeof member !== 'function') return member
      return (...args: readonly unknown[]): unknown => {
        on.checkOpen()
        return on.watch(Reflect.apply(member, target, args))
      }
    },
  })
}

/** What a handle of the table works in: its catalog knows the table as the transaction sees it, and commits nothing. */
function contextInside(
  context: LakeContext,
  table: TransactionTableState,
  { options, checkOpen }: { readonly options: TransactionOptions; readonly checkOpen: () => void },
): LakeContext {
  const { runtime, spillFolder, catalog } = context
  const { files } = table
  const { actor = context.actor, job = context.job, inputs } = options
  const turn = inTurn()
  const transaction: TransactionHooks = {
    record: (target, call) =>
      turn(async () => {
        try {
          checkOpen()
          checkSignal(call.signal)
        } catch (error) {
          await target.discard?.()
          throw error
        }
        return table.record({ ...target, action: withProvenance({}, target.action, { inputs }) }, call)
      }),
    read: selector => table.read(selector),
  }
  const inside = { io: files.io, files, runtime, spillFolder, actor, job, transaction }
  return { ...inside, catalog: catalogOf(catalog, table) }
}

/** Runs one after the other. */
function inTurn(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return work => {
    const next = last.then(work)
    last = next.catch(() => undefined)
    return next
  }
}

function catalogOf(catalog: Catalog, table: TransactionTableState): Catalog {
  const refuse = (): Promise<never> =>
    Promise.reject(
      new LakeError('unsupported', 'a transaction changes its tables, and nothing else of the catalog', {
        context: { table: printIdentifier(table.base.identifier) },
      }),
    )
  return {
    name: catalog.name,
    multiTable: false,
    leases: catalog.leases,
    loadTable: () => Promise.resolve(table.current()),
    tableExists: () => Promise.resolve(true),
    commit: refuse,
    settle: refuse,
    createNamespace: refuse,
    dropNamespace: refuse,
    listNamespaces: refuse,
    loadNamespace: refuse,
    updateNamespace: refuse,
    listTables: refuse,
    defaultTableLocation: refuse,
    dropTable: refuse,
    renameTable: refuse,
    registerTable: refuse,
    close: () => Promise.resolve(),
  }
}

// ---- committing

async function commitAll<T>(
  context: LakeContext,
  tables: readonly TransactionTableState[],
  done: { readonly options: TransactionOptions; readonly value: T },
): Promise<TransactionReport<T>> {
  const { catalog, io, runtime } = context
  const { once, signal } = done.options
  let landed: LandedStep | undefined
  const onLanded = (step: LandedStep): void => {
    landed = step
  }
  const made = new Map<TransactionTableState, MadeChange>()
  const targets = tables.flatMap((table, index): readonly CommitTarget[] => {
    const isStep = index === 0 && once !== undefined
    const target = table.target() ?? (isStep ? untouched(table) : undefined)
    if (target === undefined) return []
    const inner = isStep
      ? stepOf(context, target.action, { once, onLanded, provenance: done.options })
      : target.action
    const action: TableAction = async (base, attempt) => {
      const change = await inner(base, attempt)
      made.set(table, { base, change })
      return change
    }
    return [{ ...target, action }]
  })
  if (targets.length === 0) return reportOf(tables, { ...done, made, result: undefined })
  let hasDoubt = false
  const onEvent = (event: CommitEvent): void => {
    if (event.type === 'unknown') hasDoubt = true
    context.onCommitEvent?.(event)
  }
  try {
    const result = await commitTables(catalog, targets, { io, runtime, signal, onEvent })
    if (!hasDoubt) for (const table of tables) await table.cleanUp()
    const after = new Map(targets.map(({ identifier }, index) => [identifier, result.tables[index]]))
    return reportOf(tables, { ...done, made, result: { attempts: result.attempts, after } })
  } catch (error) {
    if (landed === undefined) throw error
    const now = await Promise.all(tables.map(({ base }) => catalog.loadTable(base.identifier, { signal })))
    return replayReport(now, landed)
  }
}

/** What an attempt made of a table. */
interface MadeChange {
  readonly base: LoadedTable
  readonly change: TableChange | 'unchanged'
}

function untouched({ base, files }: TransactionTableState): CommitTarget {
  return { identifier: base.identifier, base, files, action: async () => 'unchanged' }
}

/** The action as a step. Where the step has landed meanwhile nothing of the transaction may land: it ends the commit. */
function stepOf(
  context: LakeContext,
  action: TableAction,
  step: {
    readonly once: Once
    readonly onLanded: (landed: LandedStep) => void
    readonly provenance: Provenance
  },
): TableAction {
  const { io, runtime } = context
  const once = onceAction(action, { ...step, io, runtime, operationUuid: runtime.orderedUuid() })
  const stepped = withProvenance(context, once, step.provenance)
  return async (base, attempt) => {
    const change = await stepped(base, attempt)
    if (change !== 'unchanged') return change
    throw new LakeError('already-exists', 'the step of the transaction has landed', {
      context: { stream: step.once.stream },
    })
  }
}

function reportOf<T>(
  tables: readonly TransactionTableState[],
  done: {
    readonly value: T
    readonly made: ReadonlyMap<TransactionTableState, MadeChange>
    readonly result:
      | {
          readonly attempts: number
          readonly after: ReadonlyMap<TableIdentifier, LoadedTable | undefined>
        }
      | undefined
  },
): TransactionReport<T> {
  const { value, made, result } = done
  const reports = tables.map((table): TransactionTableReport => {
    const { identifier } = table.base
    const { base, change } = made.get(table) ?? { base: table.base, change: 'unchanged' }
    const updates = change === 'unchanged' ? [] : change.updates
    return {
      name: printIdentifier(identifier),
      changed: updates.length > 0,
      snapshotIds: updates.flatMap(update =>
        update.action === 'add-snapshot' ? [update.snapshot.snapshotId] : [],
      ),
      metadataLocation: (result?.after.get(identifier) ?? base).metadataLocation,
    }
  })
  const changed = reports.some(report => report.changed)
  return { value, changed, tables: reports, attempts: result?.attempts ?? 0 }
}

function replayReport(tables: readonly LoadedTable[], landed: LandedStep): TransactionReport<never> {
  const reports = tables.map(({ identifier, metadataLocation }, index): TransactionTableReport => {
    const snapshotIds = index === 0 ? [landed.snapshotId] : []
    return { name: printIdentifier(identifier), changed: false, snapshotIds, metadataLocation }
  })
  return { value: undefined, changed: false, replayed: true, tables: reports, attempts: 0 }
}
