/** A metadata file whose name is used again, as those of version hints are: what was seen of it before counts no more. */
import { expect, it } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import { createDynamoDbCatalog } from '../../src/catalog/dynamodb.js'
import { openEmbeddedCatalog } from '../../src/catalog/embedded.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { writeTableMetadata } from '../../src/metadata/metadata-file.js'
import { createTable, ITEMS, ORDERS } from '../contract/catalog.js'
import { createMemoryItems } from './memory-items.js'

const runtime = systemRuntime
const io = createMemoryIO()
const warehouse = 'memory://lake'

it.each([
  ['embedded', () => openEmbeddedCatalog({ path: ':memory:', warehouse, io, runtime })],
  ['DynamoDB', async () => createDynamoDbCatalog(createMemoryItems({ runtime }), { warehouse, io, runtime })],
])('the %s catalog shows what a table was registered from, not what the file was once', async (_, open) => {
  const catalog = await open()
  await catalog.createNamespace(['shop'])
  const first = await createTable(catalog, ORDERS)
  const second = await createTable(catalog, ITEMS)
  await catalog.dropTable(ORDERS)
  await writeTableMetadata(io, second.metadata, { location: first.metadataLocation })
  await catalog.registerTable(ORDERS, first.metadataLocation)
  expect((await catalog.loadTable(ORDERS)).metadata.tableUuid).toBe(second.metadata.tableUuid)
  await catalog.close()
})
