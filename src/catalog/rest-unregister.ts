/** Taking a table out of a REST catalog, to be registered in another one. Servers that do not announce it have no such verb. */
import { corruptField } from '../base/json-fields.js'
import { decodeTableAnswer } from '../rest/load-table-json.js'
import type { Catalog } from './catalog.js'
import { printIdentifier } from './identifier.js'
import { call, type RestContext } from './rest-context.js'
import type { RestTables } from './rest-tables.js'

export function restUnregister(context: RestContext, tables: RestTables): Pick<Catalog, 'unregisterTable'> {
  if (!context.endpoints.has('unregisterTable')) return {}
  return {
    async unregisterTable(identifier, { signal } = {}) {
      const path = context.paths.table(identifier, 'unregister')
      const answer = await call(context, {
        endpoint: 'unregisterTable',
        path,
        auth: tables.authOf(identifier),
        about: { table: printIdentifier(identifier) },
        signal,
      })
      tables.forget(identifier)
      const { metadata, metadataLocation } = decodeTableAnswer(answer.body, {
        source: `${context.uri}${path}`,
      })
      if (metadataLocation === undefined) throw corruptField('metadata-location', 'string')
      return { identifier, metadata, metadataLocation }
    },
  }
}
