/**
 * The items of the catalog, as Java's DynamoDbCatalog lays them out, and those of ours that it does not see.
 *
 *   identifier (hash)         namespace (range)              attributes
 *   NAMESPACE                 a.b                            v, created_at, updated_at, p.<property>, ...
 *   a.b.table                 a.b                            v, created_at, updated_at, p.table_type, p.metadata_location, ...
 *                                                            turn.<place>, while writers queue (dynamodb-places.ts)
 *   a.b.view                  .views.a.b                     (dynamodb-views.ts)
 *   .read-leases              .read-leases.<uuid>            (dynamodb-leases.ts)
 *   .write-leases.<table>     .write-leases.<operation>      (dynamodb-write-leases.ts)
 *
 * Java finds tables by the namespace's name and namespaces by `NAMESPACE`. A level of a name is never empty, so what begins
 * with a dot is neither for it, nor can a namespace be called so.
 *
 * `v` is drawn anew by every change: it is what conditional writes compare, and tells a writer that a change was its own.
 * A namespace has `dropping` only while serac looks whether it is empty (`dynamodb-namespaces.ts`).
 *
 * @see spec/dynamodb.md
 */
import type { Namespace, TableIdentifier } from './catalog.js'
import type { Item, ItemCondition, ItemKey, ItemWrite, StoredItem } from './dynamodb-store.js'
import { printIdentifier, printNamespace } from './identifier.js'

const NAMESPACE = 'NAMESPACE'
const PROPERTY_PREFIX = 'p.'
const CREATED_AT = 'created_at'
const UPDATED_AT = 'updated_at'
export const VERSION = 'v'
/** Who is about to drop a namespace. */
export const DROPPING = 'dropping'

const TABLE_TYPE = 'p.table_type'
const METADATA_LOCATION = 'p.metadata_location'
const PREVIOUS_METADATA_LOCATION = 'p.previous_metadata_location'

// ---- keys

export function namespaceKey(namespace: Namespace): ItemKey {
  return { identifier: NAMESPACE, namespace: printNamespace(namespace) }
}

export function tableKey(identifier: TableIdentifier): ItemKey {
  return { identifier: printIdentifier(identifier), namespace: printNamespace(identifier.namespace) }
}

export function viewKey(identifier: TableIdentifier): ItemKey {
  return { identifier: printIdentifier(identifier), namespace: viewsOf(identifier.namespace) }
}

/** What views of a namespace have as their namespace. */
export function viewsOf(namespace: Namespace): string {
  return `.views.${printNamespace(namespace)}`
}

/** The table or view that a key names in a namespace; undefined for the namespace itself and what is none of ours. */
export function nameOf({ identifier }: ItemKey, namespace: Namespace): string | undefined {
  const prefix = `${printNamespace(namespace)}.`
  if (!identifier.startsWith(prefix)) return undefined
  const name = identifier.slice(prefix.length)
  return name === '' || name.includes('.') ? undefined : name
}

/** All namespaces, or those whose names begin with the parent's and a dot. */
export function namespacesBelow(parent: Namespace): {
  readonly kind: 'identifier'
  readonly identifier: string
  readonly namespacePrefix?: string
} {
  const all = { kind: 'identifier', identifier: NAMESPACE } as const
  return parent.length === 0 ? all : { ...all, namespacePrefix: `${printNamespace(parent)}.` }
}

// ---- conditions

export const IS_NEW: ItemCondition = { kind: 'absent', attribute: VERSION }
export const IS_THERE: ItemCondition = { kind: 'present', attribute: VERSION }

/** That nobody has changed the item since. */
export function isStill(found: Item): ItemCondition {
  return attributeIsStill(found, VERSION)
}

/** The item is there, as an update would make an absent one. */
export function attributeIsStill(found: Item, attribute: string): ItemCondition {
  const value = found[attribute]
  if (value !== undefined) return { kind: 'equals', attribute, value }
  const conditions: readonly ItemCondition[] = [
    { kind: 'present', attribute: 'identifier' },
    { kind: 'absent', attribute },
  ]
  return { kind: 'all', conditions }
}

// ---- properties

/** Properties of a namespace, table or view. */
export function propertiesOf(item: Item): Readonly<Record<string, string>> {
  const found = Object.entries(item).filter(([name]) => name.startsWith(PROPERTY_PREFIX))
  return Object.fromEntries(found.map(([name, value]) => [name.slice(PROPERTY_PREFIX.length), String(value)]))
}

/** The attribute of a property. */
export function propertyAttribute(property: string): string {
  return `${PROPERTY_PREFIX}${property}`
}

export function propertyAttributes(properties: Readonly<Record<string, string>>): Item {
  return Object.fromEntries(Object.entries(properties).map(([key, value]) => [propertyAttribute(key), value]))
}

// ---- changes

/** A change of items: its own `v`, and its time. */
export interface ItemStamp {
  readonly v: string
  readonly nowMs: number
}

export function createdAttributes({ v, nowMs }: ItemStamp): Item {
  return { [CREATED_AT]: nowMs, [UPDATED_AT]: nowMs, [VERSION]: v }
}

export function updatedAttributes({ v, nowMs }: ItemStamp): Item {
  return { [UPDATED_AT]: nowMs, [VERSION]: v }
}

/** Where the table is; undefined for an item that is no table of Iceberg's. */
export function metadataLocationOf(item: Item): string | undefined {
  if (String(item[TABLE_TYPE] ?? '').toUpperCase() !== 'ICEBERG') return undefined
  const location = item[METADATA_LOCATION]
  return typeof location === 'string' && location !== '' ? location : undefined
}

/** Makes a table, whose name must be free and whose namespace must be there. */
export function tableCreation(
  identifier: TableIdentifier,
  attributes: Item,
  stamp: ItemStamp,
): readonly [put: ItemWrite, noView: ItemWrite, namespace: ItemWrite] {
  const item = { ...attributes, ...createdAttributes(stamp), ...tableKey(identifier) }
  return [
    { kind: 'put', item, condition: IS_NEW },
    { kind: 'check', key: viewKey(identifier), condition: IS_NEW },
    inNamespace(identifier.namespace),
  ]
}

/** That the namespace is there for something new, and stays. */
export function inNamespace(namespace: Namespace): ItemWrite {
  const conditions: readonly ItemCondition[] = [IS_THERE, { kind: 'absent', attribute: DROPPING }]
  return { kind: 'check', key: namespaceKey(namespace), condition: { kind: 'all', conditions } }
}

export function newPointer(metadataLocation: string): Item {
  return { [TABLE_TYPE]: 'ICEBERG', [METADATA_LOCATION]: metadataLocation }
}

/** Sets the pointer of a table that was found so. @param change `remove`: attributes that go */
export function pointerUpdate(
  found: StoredItem,
  locations: { readonly from: string; readonly to: string },
  change: { readonly stamp: ItemStamp; readonly remove: readonly string[] },
): ItemWrite {
  const { stamp, remove } = change
  return {
    kind: 'update',
    key: { identifier: found.identifier, namespace: found.namespace },
    set: {
      ...newPointer(locations.to),
      [PREVIOUS_METADATA_LOCATION]: locations.from,
      ...updatedAttributes(stamp),
    },
    ...(remove.length === 0 ? {} : { remove }),
    condition: isStill(found),
  }
}
