/** Requirements of a commit. */
import { describe, expect, it } from 'vitest'
import { checkRequirement, firstBroken } from '../../src/metadata/requirement.js'
import type { TableMetadata } from '../../src/metadata/table-metadata.js'
import type { TableRequirement } from '../../src/metadata/table-update.js'
import { append, newTable, UUID } from './tables.js'

const table = append(newTable(), 1n)

function holds(requirement: TableRequirement, current: TableMetadata | undefined = table): boolean {
  return checkRequirement(requirement, current) === undefined
}

describe('a requirement', () => {
  it('of creation holds only for a table that is not there; all others only for one that is', () => {
    expect(checkRequirement({ type: 'assert-create' }, undefined)).toBeUndefined()
    expect(holds({ type: 'assert-create' })).toBe(false)
    expect(checkRequirement({ type: 'assert-table-uuid', uuid: UUID }, undefined)).toMatch(/does not exist/)
  })

  it('of the uuid ignores letter case, and passes for tables that have none', () => {
    expect(holds({ type: 'assert-table-uuid', uuid: UUID.toUpperCase() })).toBe(true)
    expect(holds({ type: 'assert-table-uuid', uuid: 'other' })).toBe(false)
    const { tableUuid: _, ...old } = table
    expect(holds({ type: 'assert-table-uuid', uuid: 'any' }, { ...old, formatVersion: 1 })).toBe(true)
  })

  it('of a ref compares its snapshot, or its absence', () => {
    const ref = (name: string, snapshotId: bigint | undefined): boolean =>
      holds({ type: 'assert-ref-snapshot-id', ref: name, snapshotId })
    expect(ref('main', 1n)).toBe(true)
    expect(ref('main', 2n)).toBe(false)
    expect(ref('main', undefined)).toBe(false)
    expect(ref('none', undefined)).toBe(true)
    expect(ref('none', 1n)).toBe(false)
    expect(ref('toString', undefined)).toBe(true)
  })

  it.each([
    ['assert-last-assigned-field-id', 'lastAssignedFieldId', 4],
    ['assert-current-schema-id', 'currentSchemaId', 0],
    ['assert-last-assigned-partition-id', 'lastAssignedPartitionId', 999],
    ['assert-default-spec-id', 'defaultSpecId', 0],
    ['assert-default-sort-order-id', 'defaultSortOrderId', 0],
  ] as const)('%s compares the number', (type, member, value) => {
    expect(holds({ type, [member]: value } as unknown as TableRequirement)).toBe(true)
    expect(holds({ type, [member]: value + 1 } as unknown as TableRequirement)).toBe(false)
  })

  it('that fails first is named with the reason', () => {
    const requirements: readonly TableRequirement[] = [
      { type: 'assert-table-uuid', uuid: UUID },
      { type: 'assert-ref-snapshot-id', ref: 'main', snapshotId: 7n },
      { type: 'assert-create' },
    ]
    expect(firstBroken(requirements, table)).toEqual({
      requirement: requirements[1],
      reason: 'the ref main has moved from snapshot 7 to 1',
    })
  })
})
