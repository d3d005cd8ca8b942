/** The REST client against serac's own server: the contracts of tables and views. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import type { Catalog } from '../../src/catalog/catalog.js'
import { openRestCatalog } from '../../src/catalog/rest.js'
import { createLocalIO } from '../../src/io/local.js'
import { createStorageAccess } from '../../src/io/storage-access.js'
import { connect } from '../../src/lake/connect.js'
import { startServer } from '../../src/server/server.js'
import { type CatalogUnderTest, describeCatalog } from '../contract/catalog.js'
import { describeViews } from '../contract/views.js'

const runtime = systemRuntime
const io = createLocalIO({ fsync: false, runtime })

async function world(): Promise<CatalogUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'serac-rest-'))
  const lake = await connect({ warehouse: join(folder, 'lake'), fsync: false })
  const server = await startServer({ lake, port: 0 })
  const opened: Catalog[] = []
  const open = async (): Promise<Catalog> => {
    const access = createStorageAccess(runtime)
    const catalog = await openRestCatalog({ properties: { uri: server.uri }, io, runtime, access })
    opened.push(catalog)
    return catalog
  }
  return {
    catalog: await open(),
    io,
    another: open,
    async close() {
      for (const catalog of opened) await catalog.close()
      await server.close()
      await lake.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

describe('over a lake with an embedded catalog', () => {
  describeCatalog('REST, of serac', world, {
    without: {
      'need a namespace': 'the server is asked for the location, and says that there is no namespace',
    },
  })
  describeViews('REST, of serac', world)
})
