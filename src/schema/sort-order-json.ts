/**
 * The JSON of sort orders.
 * @see Iceberg table spec, Appendix C "Sort Orders"
 */
import type { JsonObject } from '../base/json.js'
import { asObjects, corruptField, requiredInt, requiredText } from '../base/json-fields.js'
import { parseTerm, serializeTerm } from './partition-spec-json.js'
import type { SortField, SortOrder } from './sort-order.js'

/** @throws corrupt when the JSON is no sort order */
export function parseSortOrder(json: JsonObject): SortOrder {
  return {
    orderId: requiredInt(json, 'order-id'),
    fields: asObjects(json.fields, 'fields').map(parseSortField),
  }
}

function parseSortField(json: JsonObject): SortField {
  const direction = requiredText(json, 'direction').toLowerCase()
  const nullOrder = requiredText(json, 'null-order').toLowerCase()
  if (direction !== 'asc' && direction !== 'desc') throw corruptField('direction', 'asc or desc')
  if (nullOrder !== 'nulls-first' && nullOrder !== 'nulls-last') {
    throw corruptField('null-order', 'nulls-first or nulls-last')
  }
  return { ...parseTerm(json), direction, nullOrder }
}

export function serializeSortOrder(order: SortOrder): JsonObject {
  return {
    'order-id': order.orderId,
    fields: order.fields.map(field => ({
      ...serializeTerm(field),
      direction: field.direction,
      'null-order': field.nullOrder,
    })),
  }
}
