/**
 * A layer that fails on demand: refused requests, lost requests, lost answers. An ordinary implementation of the
 * contract, so the product needs no switch for tests.
 */
import { LakeError } from '../base/errors.js'
import type { Catalog, CommitAttempt, CommitOutcome, SwapOptions, TableCommit } from './catalog.js'

export interface FailingCatalogCall {
  readonly verb: keyof Catalog
  /** Of `commit` and `settle`. */
  readonly changes: readonly TableCommit[]
  /** `before`: the request has not reached the catalog. `after`: it took effect. */
  readonly phase: 'before' | 'after'
}

/**
 * Asked twice for each call. An error is thrown as the catalog would throw it. `lost`, for `commit` and `settle`,
 * is an outcome of `unknown`: before, the request is on its way still; after, its answer is lost. A promise that
 * never settles is a process that died there.
 */
export type CatalogFailureDecision = (call: FailingCatalogCall) => CatalogFailure | Promise<CatalogFailure>
export type CatalogFailure = Error | 'lost' | undefined

/** What became of an attempt whose answer was lost: nothing yet, an outcome, or an attempt of the inner catalog. */
type Fate =
  | { readonly kind: 'not-sent'; readonly options: SwapOptions | undefined }
  | { readonly kind: 'answered'; readonly outcome: CommitOutcome }
  | { readonly kind: 'inner'; readonly attempt: CommitAttempt }

export function failingCatalog(inner: Catalog, decide: CatalogFailureDecision): Catalog {
  const fates = new WeakMap<CommitAttempt, Fate>()

  const ask = async (call: FailingCatalogCall): Promise<boolean> => {
    const failure = await decide(call)
    if (failure instanceof Error) throw failure
    return failure === 'lost'
  }
  const lose = (changes: readonly TableCommit[], fate: Fate): CommitOutcome => {
    const known = fate.kind === 'inner' ? fate.attempt.metadataLocations : undefined
    const attempt: CommitAttempt = { changes, metadataLocations: known }
    fates.set(attempt, fate)
    return { status: 'unknown', attempt, cause: new LakeError('unavailable', 'the answer was lost') }
  }
  const send = async (
    verb: 'commit' | 'settle',
    changes: readonly TableCommit[],
    step: { readonly fate: Fate; readonly run: () => Promise<CommitOutcome> },
  ): Promise<CommitOutcome> => {
    if (await ask({ verb, changes, phase: 'before' })) return lose(changes, step.fate)
    const outcome = await step.run()
    if (await ask({ verb, changes, phase: 'after' })) return lose(changes, fateOf(outcome))
    return outcome.status === 'unknown' ? lose(changes, fateOf(outcome)) : outcome
  }
  const around = async <T>(verb: keyof Catalog, run: () => Promise<T>): Promise<T> => {
    await ask({ verb, changes: [], phase: 'before' })
    const result = await run()
    await ask({ verb, changes: [], phase: 'after' })
    return result
  }

  return {
    name: inner.name,
    multiTable: inner.multiTable,
    leases: inner.leases,
    writeLeases: inner.writeLeases,
    views: inner.views,
    createNamespace: (...args) => around('createNamespace', () => inner.createNamespace(...args)),
    dropNamespace: (...args) => around('dropNamespace', () => inner.dropNamespace(...args)),
    listNamespaces: (...args) => around('listNamespaces', () => inner.listNamespaces(...args)),
    loadNamespace: (...args) => around('loadNamespace', () => inner.loadNamespace(...args)),
    updateNamespace: (...args) => around('updateNamespace', () => inner.updateNamespace(...args)),
    listTables: (...args) => around('listTables', () => inner.listTables(...args)),
    loadTable: (...args) => around('loadTable', () => inner.loadTable(...args)),
    tableExists: (...args) => around('tableExists', () => inner.tableExists(...args)),
    defaultTableLocation: (...args) =>
      around('defaultTableLocation', () => inner.defaultTableLocation(...args)),
    dropTable: (...args) => around('dropTable', () => inner.dropTable(...args)),
    renameTable: (...args) => around('renameTable', () => inner.renameTable(...args)),
    registerTable: (...args) => around('registerTable', () => inner.registerTable(...args)),
    ...unregistering(inner, around),
    commit: (changes, options) =>
      send('commit', changes, {
        fate: { kind: 'not-sent', options },
        run: () => inner.commit(changes, options),
      }),
    settle(attempt, options) {
      const fate = fates.get(attempt) ?? { kind: 'inner', attempt }
      return send('settle', attempt.changes, {
        fate,
        run: async () => {
          if (fate.kind === 'answered') return fate.outcome
          return fate.kind === 'inner'
            ? inner.settle(fate.attempt, options)
            : inner.commit(attempt.changes, { ...fate.options, ...options })
        },
      })
    },
    ...(inner.reportScan === undefined ? {} : { reportScan: inner.reportScan }),
    close: () => inner.close(),
  }
}

function unregistering(
  { unregisterTable }: Catalog,
  around: <T>(verb: keyof Catalog, run: () => Promise<T>) => Promise<T>,
): Pick<Catalog, 'unregisterTable'> {
  if (unregisterTable === undefined) return {}
  return { unregisterTable: (...args) => around('unregisterTable', () => unregisterTable(...args)) }
}

function fateOf(outcome: CommitOutcome): Fate {
  return outcome.status === 'unknown'
    ? { kind: 'inner', attempt: outcome.attempt }
    : { kind: 'answered', outcome }
}
