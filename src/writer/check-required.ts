/**
 * Whether columns may become required: no row of any branch holds a null in them. Null counts in the manifests
 * answer for most files; the others are read, these columns only.
 */
import { LakeError } from '../base/errors.js'
import type { LoadedTable } from '../catalog/catalog.js'
import { BOUND_TRUE, type Bound, bind } from '../expression/bind.js'
import { anyOf, isNull } from '../expression/expression.js'
import type { FileIO } from '../io/file-io.js'
import { currentSchema, snapshotById } from '../metadata/lookup.js'
import type { Snapshot, TableMetadata } from '../metadata/table-metadata.js'
import { planScan } from '../reader/plan.js'
import { scanBatches } from '../reader/scan.js'
import { editField } from '../schema/edit-fields.js'
import { fieldById, fieldIdPath, fieldPath } from '../schema/schema.js'
import { type Field, isPrimitive, type Schema } from '../schema/types.js'
import { findNullOf } from './conform-rows.js'

/**
 * @param fieldIds columns of the current schema, at any depth
 * @throws invalid-argument naming branch and column when a row holds a null
 */
export async function checkRequired(
  io: FileIO,
  { metadata }: Pick<LoadedTable, 'metadata'>,
  options: { readonly fieldIds: readonly number[]; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const { fieldIds, signal } = options
  const schema = currentSchema(metadata)
  const strict = fieldIds.reduce(
    (fields, id) => editField(fields, fieldIdPath(schema, id) ?? [], field => ({ ...field, required: true })),
    schema.fields,
  )
  const filter = nullFilter(schema, fieldIds)
  const select = columnsAround(schema, fieldIds).map(field => field.name)
  for (const { branch, snapshot } of heads(metadata)) {
    const plan = await planScan({ metadata }, io, { snapshot, schema, filter, select, signal })
    const required = plan.fields.map(field => fieldById({ fields: strict }, field.id) ?? field)
    for await (const batch of scanBatches(io, plan, { signal })) {
      const found = findNullOf(required, batch)
      if (found === undefined) continue
      throw new LakeError('invalid-argument', 'a column that holds nulls cannot become required', {
        context: { column: found.path.join('.'), branch, snapshotId: snapshot.snapshotId },
      })
    }
  }
}

/** Branches by what they point at: one of those that share a head stands for all. */
function heads(metadata: TableMetadata): readonly { readonly branch: string; readonly snapshot: Snapshot }[] {
  const found = new Map<bigint, { readonly branch: string; readonly snapshot: Snapshot }>()
  for (const [branch, { type, snapshotId }] of Object.entries(metadata.refs)) {
    const snapshot = snapshotById(metadata, snapshotId)
    if (type === 'branch' && snapshot !== undefined && !found.has(snapshotId))
      found.set(snapshotId, { branch, snapshot })
  }
  return [...found.values()]
}

/** The top-level columns that hold the fields. */
function columnsAround(schema: Schema, fieldIds: readonly number[]): readonly Field[] {
  const ids = new Set(fieldIds.map(id => fieldIdPath(schema, id)?.[0]))
  return schema.fields.filter(field => ids.has(field.id))
}

/** Rows that may hold a null; a field of a struct is null in rows without the struct too. All rows when no filter can say it. */
function nullFilter(schema: Schema, fieldIds: readonly number[]): Bound {
  const names = fieldIds.map(id => filterName(schema, id))
  const known = names.filter(name => name !== undefined)
  return known.length < names.length ? BOUND_TRUE : bind(anyOf(known.map(isNull)), schema)
}

function filterName(schema: Schema, id: number): string | undefined {
  const path = fieldIdPath(schema, id) ?? []
  const fields = path.map(each => fieldById(schema, each))
  const inStructs = fields.slice(0, -1).every(field => field?.type.kind === 'struct')
  const last = fields.at(-1)
  const names = fieldPath(schema, id) ?? []
  if (!inStructs || last === undefined || !isPrimitive(last.type)) return undefined
  return names.some(name => name.includes('.')) ? undefined : names.join('.')
}
