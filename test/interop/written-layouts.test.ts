/**
 * How serac lays tables out: merged manifests, codecs of manifests, sorted and clustered files, object-store paths.
 * Other engines read the same rows of each.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CreateTableOptions, connect, type Lake } from '../../src/index.js'
import { askAll, askParquet, type JudgeName, judgeIsHere, sortedRows } from '../judges/judge.js'

const JUDGES = (['spark', 'duckdb', 'pyiceberg'] as const).filter(judgeIsHere)

interface Layout extends CreateTableOptions {
  readonly title: string
  /** What an engine cannot read, by the beginning of its refusal: it shows when it has learned it. */
  readonly refused?: Partial<Record<JudgeName, RegExp>>
}

const MERGING = { 'commit.manifest.min-count-to-merge': '3' }

const LAYOUTS: readonly Layout[] = [
  ...(['gzip', 'zstd', 'snappy', 'uncompressed'] as const).map(codec => ({
    title: `manifests with ${codec}`,
    properties: { 'write.manifest.compression-codec': codec },
    ...(codec === 'zstd' ? { refused: { duckdb: /unknown codec/ } } : {}),
  })),
  { title: 'merged manifests', properties: MERGING },
  { title: 'merged manifests of v3', formatVersion: 3, properties: MERGING },
  {
    title: 'merged manifests of partitions',
    partitionBy: ['v'],
    properties: { ...MERGING, 'write.metadata.compression-codec': 'gzip' },
  },
  { title: 'sorted files', sortBy: ['v desc nulls last', 'id'], partitionBy: ['bucket(2, id)'] },
  {
    title: 'clustered files in object-store paths',
    partitionBy: ['v'],
    properties: { 'write.distribution-mode': 'hash', 'write.object-storage.enabled': 'true' },
  },
]

describe.skipIf(JUDGES.length === 0)('tables as serac lays them out', () => {
  let cwd: string
  let lake: Lake
  const own: (readonly string[])[] = []
  const answers = new Map<JudgeName, readonly (readonly string[])[]>()

  beforeAll(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'serac-layouts-'))
    lake = await connect({ baseFolder: cwd, fsync: false })
    const locations: string[] = []
    for (const [index, { title: _title, refused: _refused, ...options }] of LAYOUTS.entries()) {
      const table = await lake.createTable(`layouts.t${index}`, 'id bigint not null, v string', options)
      for (let commit = 0; commit < 7; commit++) {
        await table.append([3, 1, 2].map(id => ({ id: 10 * commit + id, v: id === 2 ? null : `v${id}` })))
        if (commit > 3) await table.delete(`id = ${10 * commit - 9}`)
      }
      const rows: string[] = []
      for await (const row of table.scan().rows({ long: 'number' }))
        rows.push(JSON.stringify([String(row.id), row.v]))
      own.push(rows.sort())
      locations.push((await table.load()).metadataLocation.replace('file://', ''))
    }
    await Promise.all(JUDGES.map(async judge => answers.set(judge, await askTables(judge, locations))))
  }, 180_000)
  afterAll(async () => {
    await lake.close()
    await rm(cwd, { recursive: true, force: true })
  })

  async function askTables(
    judge: JudgeName,
    locations: readonly string[],
  ): Promise<readonly (readonly string[])[]> {
    if (judge === 'spark') {
      const requests = locations.map(path => ({ verb: 'table' as const, path, expressions: ['id', 'v'] }))
      return (await askParquet(judge, requests)).map(({ rows, message }) => rows ?? [message ?? 'no rows'])
    }
    const folder = join(cwd, 'lake')
    const catalog = [
      '-p',
      'type=sql',
      '-p',
      `uri=sqlite:///${folder}/catalog.db`,
      '-p',
      `warehouse=file://${folder}`,
    ]
    const requests = locations.map((location, index) => ({
      args: judge === 'duckdb' ? ['read', location] : ['read', `layouts.t${index}`, ...catalog],
    }))
    return (await askAll(judge, requests)).map(answer =>
      answer.message === undefined ? sortedRows(answer) : [answer.message],
    )
  }

  it('hold what was written', () => {
    for (const rows of own) expect(rows).toHaveLength(18)
  })

  it.each(
    JUDGES.flatMap(judge => LAYOUTS.map(({ title }, index) => [judge, title, index] as const)),
  )('%s reads %s', (judge, _title, index) => {
    const refused = LAYOUTS[index]?.refused?.[judge]
    const wanted = refused === undefined ? own[index] : [expect.stringMatching(refused)]
    expect(answers.get(judge)?.[index]?.toSorted()).toEqual(wanted)
  })
})
