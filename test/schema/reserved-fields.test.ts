import { expect, it } from 'vitest'
import * as reserved from '../../src/schema/reserved-fields.js'
import { FIELD_ID_MAX } from '../../src/schema/schema.js'

it('gives metadata columns the ids of the spec, which no table column can have', () => {
  const ids = [
    reserved.FILE_FIELD.id,
    reserved.POSITION_FIELD.id,
    reserved.DELETED_FIELD.id,
    reserved.SPEC_ID_FIELD.id,
    reserved.PARTITION_FIELD_ID,
    reserved.CHANGE_TYPE_FIELD.id,
    reserved.CHANGE_ORDINAL_FIELD.id,
    reserved.COMMIT_SNAPSHOT_ID_FIELD.id,
    reserved.DELETE_FILE_PATH_FIELD.id,
    reserved.DELETE_POSITION_FIELD.id,
    reserved.DELETE_ROW_FIELD_ID,
    reserved.ROW_ID_FIELD.id,
    reserved.LAST_UPDATED_SEQUENCE_NUMBER_FIELD.id,
  ]
  // Counted from 2^31 - 1 downwards, as Java's MetadataColumns does.
  expect(ids.map(id => 2 ** 31 - 1 - id)).toEqual([1, 2, 3, 4, 5, 104, 105, 106, 101, 102, 103, 107, 108])
  expect(ids.every(id => id > FIELD_ID_MAX)).toBe(true)
})
