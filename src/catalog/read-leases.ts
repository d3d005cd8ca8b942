/**
 * Read leases: a reader says which snapshot it is reading, so that nobody deletes its files meanwhile.
 *
 *   reader    open a lease -> load the table -> pin the snapshot -> read, renewing -> release
 *   expiry    keep the pinned snapshots -> commit -> look again -> delete files
 *
 * The lease is opened before the table is loaded. So a reader whose lease expiry did not see in its second look has
 * loaded the state after the commit, in which the removed snapshots are gone. A snapshot id is unique among all tables,
 * so leases need no table's name, and a renamed table keeps them.
 */

export interface ReadLease {
  /** Says what is read; until then the lease protects everything. */
  pin(snapshotId: bigint | undefined): Promise<void>
  /** To be called now and then while reading; costs nothing most of the time. */
  renew(): Promise<void>
  release(): Promise<void>
}

/** The leases that stand. */
export interface HeldLeases {
  readonly snapshotIds: ReadonlySet<bigint>
  /** Leases of readers that do not know their snapshot yet. */
  readonly unpinned: number
}

export interface ReadLeases {
  /** Undefined where a lease cannot be left: the reader goes on without. */
  open(): Promise<ReadLease | undefined>
  held(): Promise<HeldLeases>
  /** Gives up every lease that was opened here. */
  close(): Promise<void>
}
