/** The filesystem catalog in S3, on both servers: the contract as far as folders go, with many writers at once. */
import { afterAll, beforeAll, describe } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import type { Catalog } from '../../src/catalog/catalog.js'
import { openFilesystemCatalog } from '../../src/catalog/filesystem.js'
import { createS3IO } from '../../src/io/s3.js'
import { describeCatalog } from '../contract/catalog.js'
import { FOLDERS_WITHOUT } from '../contract/folders.js'
import { type Service, serviceIsHere, startService, TEST_BUCKET } from './service.js'

for (const name of ['versitygw', 'minio'] as const)
  describe.skipIf(!serviceIsHere(name))(`folders on ${name}`, () => {
    let service: Service
    beforeAll(async () => {
      service = await startService(name)
    }, 90_000)
    afterAll(() => service.stop())

    let lakes = 0
    describeCatalog(
      `filesystem in S3, ${name}`,
      async () => {
        const runtime = systemRuntime
        const io = createS3IO({ properties: service.properties, runtime })
        const warehouse = `s3://${TEST_BUCKET}/lake-${lakes++}`
        const properties = { 'filesystem.only-serac': 'true' }
        const opened: Catalog[] = []
        const open = async (): Promise<Catalog> => {
          const catalog = await openFilesystemCatalog({ warehouse, properties, io, runtime })
          opened.push(catalog)
          return catalog
        }
        const close = async (): Promise<void> => {
          for (const catalog of opened) await catalog.close()
        }
        return { catalog: await open(), io, another: open, close }
      },
      { skip: { 'multi-table': 'one folder cannot be swapped with another' }, without: FOLDERS_WITHOUT },
    )
  })
