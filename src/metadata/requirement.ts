/**
 * What a commit demands of its base: checked against the current state by every catalog.
 * @see Iceberg REST catalog specification, "TableRequirement"
 */
import { unreachable } from '../base/assert.js'
import { refByName } from './lookup.js'
import type { TableMetadata } from './table-metadata.js'
import type { TableRequirement } from './table-update.js'

/** Why the requirement does not hold, or undefined when it does. `current` is undefined when the table is not there. */
export function checkRequirement(
  requirement: TableRequirement,
  current: TableMetadata | undefined,
): string | undefined {
  if (requirement.type === 'assert-create')
    return current === undefined ? undefined : 'the table exists already'
  if (current === undefined) return 'the table does not exist'
  switch (requirement.type) {
    case 'assert-table-uuid':
      return sameUuid(requirement.uuid, current.tableUuid)
        ? undefined
        : 'the table is another one: its uuid differs'
    case 'assert-ref-snapshot-id':
      return checkRef(requirement.ref, requirement.snapshotId, current)
    case 'assert-last-assigned-field-id':
      return changed('last assigned field id', requirement.lastAssignedFieldId, current.lastColumnId)
    case 'assert-current-schema-id':
      return changed('current schema id', requirement.currentSchemaId, current.currentSchemaId)
    case 'assert-last-assigned-partition-id':
      return changed(
        'last assigned partition id',
        requirement.lastAssignedPartitionId,
        current.lastPartitionId,
      )
    case 'assert-default-spec-id':
      return changed('default partition spec id', requirement.defaultSpecId, current.defaultSpecId)
    case 'assert-default-sort-order-id':
      return changed('default sort order id', requirement.defaultSortOrderId, current.defaultSortOrderId)
    default:
      return unreachable(requirement)
  }
}

/** What a commit that reads or moves refs demands: the same table, and every one of them where it is. */
export function refRequirements(
  metadata: TableMetadata,
  refNames: readonly string[],
): readonly TableRequirement[] {
  const refs = refNames.map((ref): TableRequirement => {
    return { type: 'assert-ref-snapshot-id', ref, snapshotId: refByName(metadata, ref)?.snapshotId }
  })
  if (metadata.tableUuid === undefined) return refs
  return [{ type: 'assert-table-uuid', uuid: metadata.tableUuid }, ...refs]
}

/** The first requirement that does not hold, with the reason. */
export function firstBroken(
  requirements: readonly TableRequirement[],
  current: TableMetadata | undefined,
): { readonly requirement: TableRequirement; readonly reason: string } | undefined {
  for (const requirement of requirements) {
    const reason = checkRequirement(requirement, current)
    if (reason !== undefined) return { requirement, reason }
  }
  return undefined
}

/** Tables of old v1 writers have no uuid: they pass. */
function sameUuid(expected: string, found: string | undefined): boolean {
  return found === undefined || found.toLowerCase() === expected.toLowerCase()
}

function checkRef(name: string, snapshotId: bigint | undefined, current: TableMetadata): string | undefined {
  const found = refByName(current, name)?.snapshotId
  if (found === snapshotId) return undefined
  if (found === undefined) return `the ref ${name} is gone, expected at snapshot ${snapshotId}`
  if (snapshotId === undefined) return `the ref ${name} was created meanwhile, at snapshot ${found}`
  return `the ref ${name} has moved from snapshot ${snapshotId} to ${found}`
}

function changed(what: string, expected: number, found: number): string | undefined {
  return expected === found ? undefined : `the ${what} has changed from ${expected} to ${found}`
}
