/** What tables and views of the embedded catalog share: transactions over its rows, and the rules of names. */
import { LakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { FileIO, IoOptions } from '../io/file-io.js'
import { namespaceMissing, nameTaken } from './catalog-errors.js'
import type { EmbeddedDb } from './embedded-db.js'
import { findTable, hasNamespace, type Rows } from './embedded-rows.js'
import { checkLevels, type TableIdentifier } from './identifier.js'

export interface EmbeddedContext {
  readonly db: EmbeddedDb
  readonly catalogName: string
  readonly io: FileIO
  readonly runtime: Runtime
}

type Database = Pick<EmbeddedContext, 'db' | 'catalogName'>

export function readRows<T>(on: Database, work: (rows: Rows) => T, options: IoOptions): Promise<T> {
  return on.db.read(sql => work({ sql, catalogName: on.catalogName }), options.signal)
}

/**
 * Changes other than commits are not settled: the caller looks what is there.
 * @throws commit-state-unknown
 */
export async function writeRows<T>(on: Database, work: (rows: Rows) => T, options: IoOptions): Promise<T> {
  const outcome = await on.db.write(sql => work({ sql, catalogName: on.catalogName }), options.signal)
  if (outcome.status === 'done') return outcome.value
  throw new LakeError('commit-state-unknown', 'the change of the catalog may or may not be there', {
    cause: outcome.cause,
  })
}

/** @throws invalid-argument for a name that cannot be given to a table or view */
export function checkIdentifier(identifier: TableIdentifier): void {
  checkLevels(identifier.namespace)
  checkLevels([identifier.name])
}

/** @throws not-found for a missing namespace; already-exists for a name that a table or view has */
export function checkFree(rows: Rows, identifier: TableIdentifier): void {
  if (!hasNamespace(rows, identifier.namespace)) throw namespaceMissing(identifier.namespace)
  if (findTable(rows, identifier) !== undefined) throw nameTaken(identifier)
}
