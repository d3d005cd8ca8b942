/** Plans and scan tasks on the wire. */
import { describe, expect, it } from 'vitest'
import { LakeError } from '../../src/base/errors.js'
import { type JsonObject, parseJson, stringifyJson } from '../../src/base/json.js'
import { asObject } from '../../src/base/json-fields.js'
import { BOUND_TRUE, bind } from '../../src/expression/bind.js'
import { gt } from '../../src/expression/expression.js'
import type { DataFile, PositionDeleteFile } from '../../src/manifest/content-file.js'
import { createContentFileCodec } from '../../src/rest/content-file-json.js'
import {
  type PlanningResult,
  type PlanTableScanRequest,
  parseFetchScanTasksRequest,
  parsePlanningResult,
  parsePlanTableScanRequest,
  parseScanTasks,
  type ScanTask,
  serializeFetchScanTasksRequest,
  serializePlanningResult,
  serializePlanTableScanRequest,
  serializeScanTasks,
} from '../../src/rest/scan-task-json.js'
import type { Schema } from '../../src/schema/types.js'

const SCHEMA: Schema = {
  schemaId: 0,
  fields: [{ id: 1, name: 'id', required: false, type: { kind: 'long' } }],
  identifierFieldIds: [],
}
const files = createContentFileCodec({
  schemas: [SCHEMA],
  currentSchemaId: 0,
  partitionSpecs: [{ specId: 0, fields: [] }],
})
const TERMS = { files, schema: SCHEMA }
const COMMON = { specId: 0, partition: [], recordCount: 3, fileSizeBytes: 60 }

function data(name: string): DataFile {
  return { ...COMMON, content: 'data', location: `s3://b/t/${name}.parquet`, format: 'parquet' }
}

/** Vectors of several data files share one Puffin file. */
function vector(of: DataFile, contentOffset: number): PositionDeleteFile {
  return {
    ...COMMON,
    content: 'position-deletes',
    location: 's3://b/t/deletes.puffin',
    format: 'puffin',
    referencedDataFile: of.location,
    contentOffset,
    contentSizeBytes: 10,
  }
}

const [A, B, C] = [data('a'), data('b'), data('c')]
const SHARED: PositionDeleteFile = {
  ...COMMON,
  content: 'position-deletes',
  location: 's3://b/t/positions.parquet',
  format: 'parquet',
}
const FILTER = bind(gt('id', 5), SCHEMA)
const TASKS: readonly ScanTask[] = [
  { file: A, deletes: [vector(A, 4)], residual: FILTER },
  { file: B, deletes: [SHARED, vector(B, 14)], residual: BOUND_TRUE },
  { file: C, deletes: [SHARED] },
]

/** Through text, as on the wire. */
function wire(json: JsonObject): JsonObject {
  return asObject(parseJson(stringifyJson(json)), 'wire')
}

function errorOf(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error instanceof LakeError ? { kind: error.kind, field: error.context.field } : error
  }
}

describe('a request to plan', () => {
  it.each<[string, PlanTableScanRequest]>([
    ['nothing but defaults', { caseSensitive: true, useSnapshotSchema: false }],
    [
      'one snapshot',
      {
        snapshotId: 2n ** 62n,
        select: ['id', 'place.city'],
        filter: { type: 'eq', term: 'id', value: 2n ** 60n },
        minRowsRequested: 10,
        caseSensitive: false,
        useSnapshotSchema: true,
        statsFields: ['id'],
      },
    ],
    [
      'a range',
      { startSnapshotId: 1n, endSnapshotId: 2n, filter: false, caseSensitive: true, useSnapshotSchema: true },
    ],
  ])('with %s comes back as it was', (_name, request) => {
    expect(parsePlanTableScanRequest(wire(serializePlanTableScanRequest(request)))).toEqual(request)
  })

  it('may leave everything out', () => {
    expect(parsePlanTableScanRequest({})).toEqual({ caseSensitive: true, useSnapshotSchema: false })
  })

  it.each<[string, JsonObject, string]>([
    [
      'a snapshot and a range',
      { 'snapshot-id': 1, 'start-snapshot-id': 1, 'end-snapshot-id': 2 },
      'snapshot-id',
    ],
    ['a range without an end', { 'start-snapshot-id': 1 }, 'end-snapshot-id'],
    ['null as a filter', { filter: null }, 'filter'],
    ['columns that are no names', { select: [1] }, 'select'],
  ])('with %s is refused', (_name, json, field) => {
    expect(errorOf(() => parsePlanTableScanRequest(json))).toEqual({ kind: 'corrupt', field })
  })

  it('for more tasks names them by their token', () => {
    expect(parseFetchScanTasksRequest(wire(serializeFetchScanTasksRequest('token')))).toBe('token')
  })
})

describe('scan tasks', () => {
  it('come back as they were; a delete file stands once', () => {
    const json = wire(serializeScanTasks({ tasks: TASKS, planTasks: ['more'] }, { files }))
    expect(json['delete-files']).toHaveLength(3)
    expect(parseScanTasks(json, TERMS)).toEqual({ tasks: TASKS, planTasks: ['more'] })
  })

  it('have no empty lists that clients refuse', () => {
    const json = wire(serializeScanTasks({ tasks: [], planTasks: [] }, { files }))
    expect(json).toEqual({ 'file-scan-tasks': [] })
    expect(parseScanTasks(json, TERMS)).toEqual({ tasks: [], planTasks: [] })
  })

  it('tell the filter of the request where it could not be evaluated', () => {
    const filter = { type: 'eq', term: { type: 'transform', transform: 'bucket[4]', term: 'id' }, value: 1 }
    const json = wire(serializeScanTasks({ tasks: TASKS, planTasks: [] }, { files, filter }))
    expect(json['file-scan-tasks']).toEqual(
      TASKS.map(() => expect.objectContaining({ 'residual-filter': filter })),
    )
    // A residual that is not understood leaves the whole filter to the client.
    expect(parseScanTasks(json, TERMS).tasks.map(task => task.residual)).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })

  it('that name a delete file which is not there are refused, or rows would come back', () => {
    const { 'delete-files': _, ...json } = wire(
      serializeScanTasks({ tasks: TASKS, planTasks: [] }, { files }),
    )
    expect(errorOf(() => parseScanTasks(json, TERMS))).toEqual({
      kind: 'corrupt',
      field: 'delete-file-references',
    })
    const swapped = { ...json, 'delete-files': [files.serialize(A), files.serialize(A), files.serialize(A)] }
    expect(errorOf(() => parseScanTasks(swapped, TERMS))).toEqual({ kind: 'corrupt', field: 'content' })
    const negative = {
      'file-scan-tasks': [{ 'data-file': files.serialize(A), 'delete-file-references': [-1] }],
    }
    expect(errorOf(() => parseScanTasks(negative, TERMS))).toMatchObject({ kind: 'corrupt' })
    const nulled = { 'file-scan-tasks': [{ 'data-file': files.serialize(A), 'residual-filter': null }] }
    expect(errorOf(() => parseScanTasks(nulled, TERMS))).toEqual({
      kind: 'corrupt',
      field: 'residual-filter',
    })
  })
})

describe('a plan', () => {
  it.each<[string, PlanningResult]>([
    [
      'completed',
      {
        status: 'completed',
        planId: 'p',
        tasks: TASKS,
        planTasks: [],
        storageCredentials: [{ prefix: 's3://b', config: { 's3.session-token': 'x' } }],
      },
    ],
    ['completed without tasks', { status: 'completed', tasks: [], planTasks: ['t'], storageCredentials: [] }],
    ['submitted', { status: 'submitted', planId: 'p' }],
    ['cancelled', { status: 'cancelled' }],
    ['failed', { status: 'failed', error: { status: 404, type: 'NoSuchTableException', message: 'no' } }],
  ])('%s comes back as it was', (_name, result) => {
    expect(parsePlanningResult(wire(serializePlanningResult(result, { files })), TERMS)).toEqual(result)
  })

  it('of another state is refused', () => {
    expect(errorOf(() => parsePlanningResult({ status: 'lost' }, TERMS))).toEqual({
      kind: 'corrupt',
      field: 'status',
    })
  })
})
