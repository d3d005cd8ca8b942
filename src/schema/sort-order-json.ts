/**
 * The JSON of sort orders.
 * @see Iceberg table spec, Appendix C "Sort Orders"
 */
import type { JsonObject } from '../base/json.js'
import { malformed, readInteger, readObjects, readText } from './json-reader.js'
import { readSourceId } from './partition-spec-json.js'
import type { SortField, SortOrder } from './sort-order.js'
import { parseTransform, printTransform } from './transform.js'

/** @throws corrupt when the JSON is no sort order */
export function parseSortOrder(json: JsonObject): SortOrder {
  return {
    orderId: readInteger(json, 'order-id'),
    fields: readObjects(json.fields, 'fields').map(parseSortField),
  }
}

function parseSortField(json: JsonObject): SortField {
  const direction = readText(json, 'direction').toLowerCase()
  const nullOrder = readText(json, 'null-order').toLowerCase()
  return {
    sourceId: readSourceId(json),
    transform: parseTransform(readText(json, 'transform')),
    direction: direction === 'asc' || direction === 'desc' ? direction : malformed('direction'),
    nullOrder:
      nullOrder === 'nulls-first' || nullOrder === 'nulls-last' ? nullOrder : malformed('null-order'),
  }
}

export function serializeSortOrder(order: SortOrder): JsonObject {
  return {
    'order-id': order.orderId,
    fields: order.fields.map(field => ({
      transform: printTransform(field.transform),
      'source-id': field.sourceId,
      direction: field.direction,
      'null-order': field.nullOrder,
    })),
  }
}
