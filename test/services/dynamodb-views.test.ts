/** Views of the DynamoDB catalog on DynamoDB Local: the contract. */
import { afterAll, beforeAll, describe } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import type { Catalog } from '../../src/catalog/catalog.js'
import { openDynamoDbCatalog } from '../../src/catalog/dynamodb.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { describeViews } from '../contract/views.js'
import { type Service, serviceIsHere, startService } from './service.js'

describe.skipIf(!serviceIsHere('dynamodb'))('on DynamoDB Local', () => {
  let service: Service
  let tables = 0
  beforeAll(async () => {
    service = await startService('dynamodb')
  }, 90_000)
  afterAll(() => service.stop())

  describeViews('dynamodb, DynamoDB Local', async () => {
    const io = createMemoryIO()
    const properties = { ...service.properties, 'dynamodb.table-name': `views-${tables++}` }
    const opened: Catalog[] = []
    const open = async (): Promise<Catalog> => {
      const options = { properties, warehouse: 'memory:/lake', io, runtime: systemRuntime }
      const catalog = await openDynamoDbCatalog(options)
      opened.push(catalog)
      return catalog
    }
    const close = async (): Promise<void> => {
      for (const catalog of opened) await catalog.close()
    }
    return { catalog: await open(), io, another: open, close }
  })
})
