/** Updates of views: ids that are used again, the log, trimming, dialects. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LakeError } from '../../src/base/errors.js'
import { applyViewUpdates, firstBrokenOfView } from '../../src/metadata/view-apply.js'
import { newViewUpdates, replaceViewUpdates } from '../../src/metadata/view-definition.js'
import type { ViewMetadata, ViewUpdate, ViewVersion } from '../../src/metadata/view-metadata.js'
import type { Schema } from '../../src/schema/types.js'
import { NOW_MS, SCHEMA, UUID } from './tables.js'

const WIDER: Schema = {
  ...SCHEMA,
  schemaId: 5,
  fields: [...SCHEMA.fields, { id: 40, name: 'note', required: false, type: { kind: 'string' } }],
}

type Definition = Omit<ViewVersion, 'versionId' | 'schemaId'>

function definition(sql: string, dialects: readonly string[] = ['spark']): Definition {
  return {
    timestampMs: NOW_MS,
    summary: {},
    representations: dialects.map(dialect => ({ kind: 'sql', sql, dialect })),
    defaultNamespace: ['shop'],
  }
}

function newView(properties: Readonly<Record<string, string>> = {}): ViewMetadata {
  const updates = newViewUpdates({
    uuid: UUID,
    location: 's3://b/v/',
    schema: SCHEMA,
    version: definition('SELECT 1'),
    properties,
  })
  return applyViewUpdates(undefined, updates, { nowMs: NOW_MS })
}

function apply(base: ViewMetadata, ...updates: readonly ViewUpdate[]): ViewMetadata {
  return applyViewUpdates(base, updates, { nowMs: NOW_MS + 1000 })
}

function replace(base: ViewMetadata, sql: string, schema: Schema = SCHEMA): ViewMetadata {
  return apply(base, ...replaceViewUpdates({ schema, version: definition(sql) }))
}

function setProperties(updates: Readonly<Record<string, string>>): ViewUpdate {
  return { action: 'set-properties', updates }
}

function errorOf(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error instanceof LakeError ? { kind: error.kind, message: error.message } : error
  }
}

const idsOf = ({ versions }: ViewMetadata): readonly number[] => versions.map(version => version.versionId)
const logOf = ({ versionLog }: ViewMetadata): readonly number[] => versionLog.map(entry => entry.versionId)

describe('a new view', () => {
  it('has version 1, schema 0 and one entry in its log', () => {
    expect(newView({ comment: 'x' })).toMatchObject({
      viewUuid: UUID,
      location: 's3://b/v',
      currentVersionId: 1,
      schemas: [{ schemaId: 0 }],
      versions: [{ versionId: 1, schemaId: 0, timestampMs: NOW_MS }],
      versionLog: [{ versionId: 1, timestampMs: NOW_MS }],
      properties: { comment: 'x' },
    })
  })

  it.each([
    ['a uuid', 'assign-uuid'],
    ['a location', 'set-location'],
    ['a current version', 'set-current-view-version'],
    ['a schema of its version', 'add-schema'],
  ])('needs %s', (_name, action) => {
    const updates = newViewUpdates({
      uuid: UUID,
      location: 's3://b/v',
      schema: SCHEMA,
      version: definition('SELECT 1'),
    }).filter(update => update.action !== action)
    const made = errorOf(() => applyViewUpdates(undefined, updates, { nowMs: NOW_MS }))
    expect(made).toMatchObject({ kind: 'invalid-argument' })
  })

  it('has one definition per dialect, whatever its letters', () => {
    const version = definition('SELECT 1', ['spark', 'Spark'])
    const add: ViewUpdate = {
      action: 'add-view-version',
      viewVersion: { ...version, versionId: 2, schemaId: 0 },
    }
    expect(errorOf(() => apply(newView(), add))).toMatchObject({ kind: 'invalid-argument' })
  })
})

describe('another definition', () => {
  it('gets the next id, and its schema too unless it is there', () => {
    const second = replace(newView(), 'SELECT 2')
    const third = replace(second, 'SELECT 3', WIDER)
    expect([idsOf(third), logOf(third), third.currentVersionId]).toEqual([[1, 2, 3], [1, 2, 3], 3])
    expect(third.versions.map(version => version.schemaId)).toEqual([0, 0, 1])
    expect(third.schemas.map(schema => schema.schemaId)).toEqual([0, 1])
  })

  it('that was there before is that version again, since now', () => {
    const view = replace(replace(newView(), 'SELECT 2'), 'SELECT 1')
    expect([idsOf(view), view.currentVersionId]).toEqual([[1, 2], 1])
    expect(view.versionLog).toEqual([
      { versionId: 1, timestampMs: NOW_MS },
      { versionId: 2, timestampMs: NOW_MS },
      { versionId: 1, timestampMs: NOW_MS + 1000 },
    ])
  })

  it('that is the current one changes nothing', () => {
    const view = newView()
    expect(replace(view, 'SELECT 1')).toBe(view)
    expect(apply(view, setProperties({}), { action: 'remove-properties', removals: ['none'] })).toBe(view)
    expect(apply(view, { action: 'set-location', location: 's3://b/v/' })).toBe(view)
  })

  it('differs by its catalog, namespace or summary too', () => {
    let view = newView()
    for (const more of [{ defaultCatalog: 'c' }, { defaultNamespace: ['hr'] }, { summary: { a: '1' } }])
      view = apply(
        view,
        ...replaceViewUpdates({ schema: SCHEMA, version: { ...definition('SELECT 1'), ...more } }),
      )
    expect(idsOf(view)).toEqual([1, 2, 3, 4])
  })

  it('keeps the id that a client gave when it is free, and only the last change is logged', () => {
    const at = (versionId: number, sql: string): ViewUpdate => ({
      action: 'add-view-version',
      viewVersion: { ...definition(sql), versionId, schemaId: 0 },
    })
    const view = apply(
      newView(),
      at(7, 'SELECT 7'),
      at(3, 'SELECT 8'),
      {
        action: 'set-current-view-version',
        viewVersionId: 7,
      },
      { action: 'set-current-view-version', viewVersionId: 8 },
    )
    expect([idsOf(view), logOf(view)]).toEqual([
      [1, 7, 8],
      [1, 8],
    ])
  })

  it('cannot be one that is not there', () => {
    const set = (viewVersionId: number): ViewUpdate => ({ action: 'set-current-view-version', viewVersionId })
    expect(errorOf(() => apply(newView(), set(4)))).toMatchObject({ kind: 'invalid-argument' })
    expect(errorOf(() => apply(newView(), set(-1)))).toMatchObject({ kind: 'invalid-argument' })
  })
})

describe('a dialect', () => {
  const both = apply(
    newView(),
    ...replaceViewUpdates({ schema: SCHEMA, version: definition('S', ['spark', 'trino']) }),
  )

  it('is not lost unless the view allows it', () => {
    expect(errorOf(() => replace(both, 'SELECT 3'))).toMatchObject({ kind: 'invalid-argument' })
    const allowed = apply(both, setProperties({ 'replace.drop-dialect.allowed': 'true' }))
    expect(replace(allowed, 'SELECT 3').currentVersionId).toBe(3)
  })

  it('may come back in other letters', () => {
    const version = definition('S2', ['TRINO', 'Spark'])
    expect(apply(both, ...replaceViewUpdates({ schema: SCHEMA, version })).currentVersionId).toBe(3)
  })
})

describe('the history', () => {
  it('keeps as many versions as the property says, and no log before one that is gone', () => {
    let view = newView({ 'version.history.num-entries': '2' })
    for (const sql of ['SELECT 2', 'SELECT 3', 'SELECT 4']) view = replace(view, sql)
    expect([idsOf(view), logOf(view)]).toEqual([
      [3, 4],
      [3, 4],
    ])
  })

  it('keeps the current version, however old', () => {
    let view = newView({ 'version.history.num-entries': '10' })
    for (const sql of ['SELECT 2', 'SELECT 3', 'SELECT 1']) view = replace(view, sql)
    view = apply(view, setProperties({ 'version.history.num-entries': '2' }))
    expect([idsOf(view), logOf(view)]).toEqual([
      [1, 3],
      [3, 1],
    ])
  })

  it.each(['0', '-1', 'many'])('is not of %s entries', entries => {
    const updates = setProperties({ 'version.history.num-entries': entries })
    expect(errorOf(() => apply(newView(), updates))).toMatchObject({ kind: 'invalid-argument' })
  })

  it('of any replacements has unique ids, a log that ends at the current version, and is no longer than allowed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(fc.integer({ min: 0, max: 6 })), (most, steps) => {
        let view = newView({ 'version.history.num-entries': String(most) })
        for (const step of steps) view = replace(view, `SELECT ${step}`)
        expect(view.versions.length).toBeLessThanOrEqual(most)
        expect(new Set(idsOf(view)).size).toBe(view.versions.length)
        expect(logOf(view).at(-1)).toBe(view.currentVersionId)
        expect(idsOf(view)).toEqual(expect.arrayContaining([...logOf(view)]))
      }),
    )
  })
})

describe('requirements of views', () => {
  it('tell what does not hold', () => {
    const view = newView()
    const create = { type: 'assert-create' } as const
    const same = { type: 'assert-view-uuid', uuid: UUID.toUpperCase() } as const
    const other = { type: 'assert-view-uuid', uuid: 'other' } as const
    expect(firstBrokenOfView([same], view)).toBeUndefined()
    expect(firstBrokenOfView([create], undefined)).toBeUndefined()
    expect(firstBrokenOfView([same, other], view)?.requirement).toBe(other)
    expect(firstBrokenOfView([create], view)?.requirement).toBe(create)
    expect(firstBrokenOfView([same], undefined)?.requirement).toBe(same)
    expect(errorOf(() => apply(view, { action: 'assign-uuid', uuid: 'other' }))).toMatchObject({
      kind: 'invalid-argument',
    })
  })
})
