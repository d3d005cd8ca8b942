/**
 * Write leases of the embedded catalog: a table beside those of the catalog, which other engines ignore. It is made with the
 * first lease, so a lake of short writes never has it.
 *
 *   serac_write_leases  table_uuid, operation_uuid | expires_ms
 *
 * The write lock orders leases, cleanings and swaps, so each sees all that came before it.
 */
import { LakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { EmbeddedDb, Sql } from './embedded-db.js'
import {
  WRITE_LEASE_MS,
  WRITE_LEASE_RENEW_MS,
  type WriteLease,
  type WriteLeases,
  type WriteOperation,
} from './write-leases.js'

type LeaseKey = Pick<WriteLease, 'tableUuid' | 'operationUuid'>

interface Context {
  readonly db: EmbeddedDb
  readonly runtime: Runtime
  readonly open: Set<WriteLease>
}

export function embeddedWriteLeases(db: EmbeddedDb, runtime: Runtime): WriteLeases {
  const context: Context = { db, runtime, open: new Set() }
  return {
    leaseMs: WRITE_LEASE_MS,
    async open(operation, { signal } = {}) {
      const { tableUuid, operationUuid } = operation
      const expiresMs = runtime.nowMs() + WRITE_LEASE_MS
      const outcome = await db.write(sql => addLease(sql, operation, expiresMs), signal)
      if (outcome.status === 'unknown')
        throw new LakeError('unavailable', 'the lease may not be there', { cause: outcome.cause })
      const lease = leaseOf(context, { tableUuid, operationUuid })
      context.open.add(lease)
      return lease
    },
    async standing(tableUuid, { signal } = {}) {
      const nowMs = runtime.nowMs()
      const outcome = await db.write(sql => endLapsed(sql, tableUuid, nowMs), signal)
      if (outcome.status === 'done') return outcome.value
      throw new LakeError('unavailable', 'lapsed leases may not have been ended', { cause: outcome.cause })
    },
    async close() {
      await Promise.all([...context.open].map(lease => lease.release()))
    },
  }
}

/** Whether a lease stands, whatever its time: only a cleaning or its owner ends it. */
export function hasWriteLease(sql: Sql, key: LeaseKey): boolean {
  if (!hasTable(sql)) return false
  const found = sql.first(`SELECT 1 FROM serac_write_leases WHERE ${OF_LEASE}`, ...valuesOf(key))
  return found !== undefined
}

function leaseOf({ db, runtime, open }: Context, key: LeaseKey): WriteLease {
  let renewedMs = runtime.nowMs()
  let isReleased = false
  const lease: WriteLease = {
    ...key,
    async renew() {
      const nowMs = runtime.nowMs()
      if (isReleased || nowMs - renewedMs < WRITE_LEASE_RENEW_MS) return
      renewedMs = nowMs
      await quietly(db.write(sql => moveExpiry(sql, key, nowMs + WRITE_LEASE_MS)))
    },
    async release() {
      if (isReleased) return
      isReleased = true
      open.delete(lease)
      await quietly(db.write(sql => removeLease(sql, key)))
    },
  }
  return lease
}

/** A lease that could not be renewed or released lapses in time; what it was for goes on. */
async function quietly(change: Promise<unknown>): Promise<void> {
  try {
    await change
  } catch {
    // The swap finds out what became of it.
  }
}

// ---- rows

const OF_LEASE = 'table_uuid = ? AND operation_uuid = ?'

const CREATE_LEASES = `CREATE TABLE IF NOT EXISTS serac_write_leases (
  table_uuid VARCHAR(255) NOT NULL,
  operation_uuid VARCHAR(255) NOT NULL,
  expires_ms INTEGER NOT NULL,
  PRIMARY KEY (table_uuid, operation_uuid)
)`

/** Asked by transactions that must not make it. */
function hasTable(sql: Sql): boolean {
  return sql.first("SELECT 1 FROM sqlite_master WHERE name = 'serac_write_leases'") !== undefined
}

function valuesOf({ tableUuid, operationUuid }: LeaseKey): readonly [string, string] {
  return [tableUuid, operationUuid]
}

function addLease(sql: Sql, operation: WriteOperation, expiresMs: number): void {
  sql.run(CREATE_LEASES)
  sql.run(
    `INSERT INTO serac_write_leases (table_uuid, operation_uuid, expires_ms) VALUES (?, ?, ?)
      ON CONFLICT DO UPDATE SET expires_ms = excluded.expires_ms`,
    ...valuesOf(operation),
    expiresMs,
  )
}

/** Changes nothing when a cleaning ended the lease: it never comes back. */
function moveExpiry(sql: Sql, key: LeaseKey, expiresMs: number): void {
  sql.run(`UPDATE serac_write_leases SET expires_ms = ? WHERE ${OF_LEASE}`, expiresMs, ...valuesOf(key))
}

function removeLease(sql: Sql, key: LeaseKey): void {
  sql.run(`DELETE FROM serac_write_leases WHERE ${OF_LEASE}`, ...valuesOf(key))
}

function endLapsed(sql: Sql, tableUuid: string, nowMs: number): ReadonlySet<string> {
  if (!hasTable(sql)) return new Set()
  sql.run('DELETE FROM serac_write_leases WHERE table_uuid = ? AND expires_ms <= ?', tableUuid, nowMs)
  const rows = sql.all('SELECT operation_uuid FROM serac_write_leases WHERE table_uuid = ?', tableUuid)
  return new Set(rows.map(row => String(row.operation_uuid)))
}
