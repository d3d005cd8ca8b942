/**
 * Spark and serac on the views of one SQLite catalog: Spark reads what serac defined and defines anew, serac goes on
 * from there, and neither takes a view for a table.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemRuntime as runtime } from '../../src/base/runtime.js'
import type { Catalog, TableIdentifier } from '../../src/catalog/catalog.js'
import { openEmbeddedCatalog } from '../../src/catalog/embedded.js'
import type { LoadedView } from '../../src/catalog/views.js'
import { connect } from '../../src/index.js'
import { createLocalIO } from '../../src/io/local.js'
import { currentVersion } from '../../src/metadata/view-apply.js'
import {
  newViewUpdates,
  replaceViewUpdates,
  type ViewDefinition,
} from '../../src/metadata/view-definition.js'
import { landed, viewsOf } from '../contract/views.js'
import { type JudgeSession, judgeIsHere, openJudge, sparkCatalog } from '../judges/judge.js'

const TOTALS: TableIdentifier = { namespace: ['shop'], name: 'totals' }

function definition(sql: string): ViewDefinition {
  return {
    schema: {
      schemaId: 0,
      fields: [{ id: 1, name: 'total', required: false, type: { kind: 'long' } }],
      identifierFieldIds: [],
    },
    version: {
      timestampMs: runtime.nowMs(),
      summary: {},
      representations: [{ kind: 'sql', sql, dialect: 'spark' }],
      defaultNamespace: ['shop'],
    },
  }
}

function sqlOf(view: LoadedView): string | undefined {
  const [representation] = currentVersion(view.metadata).representations
  return representation?.kind === 'sql' ? representation.sql : undefined
}

describe.skipIf(!judgeIsHere('spark'))('views of Spark and of serac', () => {
  let folder: string
  let spark: JudgeSession
  let catalog: Catalog
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'serac-views-'))
    const lake = await connect({ warehouse: folder })
    const rows = [10n, 20n, 30n].map((n, index) => ({ id: BigInt(index + 1), n }))
    const orders = await lake.createTable('shop.orders', rows)
    await orders.append(rows)
    await lake.close()
    const path = join(folder, 'catalog.db')
    catalog = await openEmbeddedCatalog({ path, warehouse: folder, io: createLocalIO({ runtime }), runtime })
    spark = openJudge('spark')
  }, 120_000)
  afterAll(async () => {
    await spark?.close()
    await catalog?.close()
    await rm(folder, { recursive: true, force: true })
  })

  /** The rows of each statement. */
  async function tell(...statements: readonly string[]): Promise<readonly unknown[]> {
    const args = ['sql', 'shop.totals', ...sparkCatalog(folder), '-p', 'jdbc.schema-version=V1', '-']
    const { results } = await spark.tell(args, { statements })
    return (results as readonly { readonly rows: readonly unknown[] }[]).map(({ rows }) => rows)
  }

  it('are read and replaced in turn', async () => {
    const views = viewsOf(catalog)
    const location = await catalog.defaultTableLocation(TOTALS)
    const first = definition('SELECT count(*) AS total FROM orders')
    landed(
      await views.commit({
        identifier: TOTALS,
        requirements: [{ type: 'assert-create' }],
        updates: newViewUpdates({
          ...first,
          uuid: runtime.uuid(),
          location,
          properties: { comment: 'ours' },
        }),
      }),
    )
    const [rows, tables] = await tell('SELECT * FROM {t}', 'SHOW TABLES IN {c}.shop')
    expect(rows).toEqual([['3']])
    expect(JSON.stringify(tables)).not.toContain('totals')

    await tell(
      'CREATE OR REPLACE VIEW {t} (total) AS SELECT sum(n) FROM {c}.shop.orders',
      'CREATE VIEW {c}.shop.small AS SELECT id FROM {c}.shop.orders WHERE n < 15',
    )
    const replaced = await views.load(TOTALS)
    expect(sqlOf(replaced)).toContain('SELECT sum(n)')
    expect(replaced.metadata.versions.map(version => version.versionId)).toEqual([1, 2])
    expect((await views.list(['shop'])).map(({ name }) => name)).toEqual(['small', 'totals'])

    landed(
      await views.commit({
        identifier: TOTALS,
        requirements: [{ type: 'assert-view-uuid', uuid: replaced.metadata.viewUuid }],
        updates: replaceViewUpdates(definition('SELECT max(n) AS total FROM orders')),
      }),
    )
    const moved = { namespace: ['shop'], name: 'largest' }
    await views.rename(TOTALS, moved)
    expect(await tell('SELECT * FROM {c}.shop.largest', 'SELECT * FROM {c}.shop.small')).toEqual([
      [['30']],
      [['1']],
    ])

    await tell('DROP VIEW {c}.shop.small', "ALTER VIEW {c}.shop.largest SET TBLPROPERTIES ('note' = 'x')")
    expect(await views.list(['shop'])).toEqual([moved])
    expect((await views.load(moved)).metadata.properties).toMatchObject({ note: 'x' })
  }, 120_000)
})
