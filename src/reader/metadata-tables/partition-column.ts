/**
 * The `partition` column of metadata tables: one struct type for the tuples of all specs of the table. A table that
 * was never partitioned has no such column.
 */
import { createVectorBuilder } from '../../batch/vector-builder.js'
import { currentSchema } from '../../metadata/lookup.js'
import type { TableMetadata } from '../../metadata/table-metadata.js'
import { unifiedPartitionType } from '../../schema/partition.js'
import type { PartitionTuple } from '../../schema/partition-spec.js'
import type { Field, StructType } from '../../schema/types.js'
import { type EntryColumn, type EntryWriter, openIfWanted, structWriter } from './entry-columns.js'

export interface PartitionColumn {
  readonly type: StructType
  /** The tuple of a file as a value of the type: null where its spec lacks the field. */
  tupleOf(file: PartitionedFile): PartitionTuple
  /** How many of the type's fields the spec has. */
  widthOf(specId: number): number
  /** For each field of the type where it stands in tuples of the spec; -1 for nowhere. */
  placesOf(specId: number): Int32Array
}

export interface PartitionedFile {
  readonly specId: number
  readonly partition: PartitionTuple
}

/** @throws unsupported when a spec has a transform that is not known: its values have no type */
export function partitionColumn(metadata: TableMetadata): PartitionColumn {
  const type = unifiedPartitionType(metadata.partitionSpecs, currentSchema(metadata))
  const nowhere = new Int32Array(type.fields.length).fill(-1)
  const places = new Map(
    metadata.partitionSpecs.map(({ specId, fields }) => [
      specId,
      Int32Array.from(type.fields, ({ id }) => fields.findIndex(field => field.fieldId === id)),
    ]),
  )
  const placesOf = (specId: number): Int32Array => places.get(specId) ?? nowhere
  return {
    type,
    tupleOf: ({ specId, partition }) =>
      Array.from(placesOf(specId), place => (place < 0 ? null : (partition[place] ?? null))),
    widthOf: specId => placesOf(specId).filter(place => place >= 0).length,
    placesOf,
  }
}

/** The column of a metadata table of files. */
export function partitionOfEntry(field: Field, partition: PartitionColumn): EntryColumn {
  const members = partition.type.fields.map(
    (member, index): EntryColumn => ({
      field: member,
      open: () => memberWriter(member, index, partition),
    }),
  )
  return {
    field,
    open: isWanted => structWriter(members.map(member => openIfWanted(member, isWanted))),
  }
}

function memberWriter({ type }: Field, index: number, partition: PartitionColumn): EntryWriter {
  let builder = createVectorBuilder(type)
  let specId = Number.NaN
  let place = -1
  return {
    append({ manifest, tuple }) {
      if (manifest.specId !== specId) {
        specId = manifest.specId
        place = partition.placesOf(specId)[index] ?? -1
      }
      builder.append(tuple[place] ?? null)
    },
    finish() {
      const vector = builder.finish()
      builder = createVectorBuilder(type, vector.length)
      return vector
    },
  }
}
