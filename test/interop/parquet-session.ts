/**
 * The conversation with the engines about Parquet files, held once for all tests, each engine started as rarely as can
 * be: they read the gallery, look for values in some of its files, and write files of their own, which pyarrow reads.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Field, Value } from '../../src/schema/types.js'
import { EVERY_TYPE } from '../format/every-type.js'
import { askParquet, type JudgeName, type ParquetAnswer, type ParquetRequest } from '../judges/judge.js'
import { rowPrinter } from './canonical-rows.js'
import { fieldsFor, icebergSchema, sparkSchema } from './engine-schemas.js'
import { WRITINGS, type Writing, writeRequest } from './engine-writers.js'
import { newerTypesRequest, writeNewerTypes } from './newer-types.js'
import {
  absentValues,
  BLOOM_COLUMNS,
  GALLERY,
  type GalleryFile,
  NESTED_FILE,
  WIDE,
  WIDE_FILE,
  writeGallery,
} from './parquet-gallery.js'

export interface ParquetSession {
  readonly files: readonly GalleryFile[]
  /** What an engine says of a file of the gallery. @throws when it refused */
  read(judge: JudgeName, index: number): ParquetAnswer
  /** What an engine finds in a file, one answer a probe. @throws when it refused */
  look(judge: JudgeName, index: number): ParquetAnswer
  /** What an engine says of the file of `newer-types.ts`. @throws when it refused */
  readNewerTypes(judge: JudgeName): ParquetAnswer
  /** A file that an engine wrote, and its rows as pyarrow reads them. @throws when either refused */
  written(writing: Writing): { readonly path: string; readonly rows: readonly string[] }
  close(): Promise<void>
}

/** A value that is looked for in a file of the wide table. */
export interface Probe {
  readonly field: Field
  readonly column: number
  readonly value: Value
  /** As engines write it in a filter. */
  readonly text: string
}

/** Files of the wide table in which values are looked for: those with bloom filters. */
export const PROBED_FILES: readonly number[] = GALLERY.flatMap(({ options }, index) =>
  options.bloomFilters !== undefined && options.codec !== 'brotli' ? [index] : [],
).slice(0, 2)

/** Of each column two values that are there, and some that are not. */
export const PROBES: readonly Probe[] = EVERY_TYPE.flatMap((field, column) => {
  if (!BLOOM_COLUMNS.includes(field.name)) return []
  const there = [WIDE.slice(4), WIDE.slice(-9)].map(rows => rows.find(row => row[column] !== null)![column]!)
  return [...there, ...absentValues(field, 2)].map(value => ({
    field,
    column,
    value,
    text: filterText(field, value),
  }))
})

function filterText(field: Field, value: Value): string {
  const printed = JSON.parse(rowPrinter([field])([value]))[0]
  return field.type.kind === 'timestamptz' ? printed.replace('Z', '+00:00') : String(printed)
}

/** Files that the engine has the codec for: Java has no Brotli. */
export function filesFor(judge: JudgeName): number[] {
  const indexes = [...GALLERY.keys()]
  return judge === 'spark' ? indexes.filter(index => GALLERY[index]?.options.codec !== 'brotli') : indexes
}

/** Probes that the engine can put in its words and answers rightly. */
export function probesFor(judge: JudgeName): readonly Probe[] {
  return PROBES.filter(({ field }) => !UNPROBED[judge].includes(field.type.kind))
}

/**
 * pyarrow has no filter on uuid. Iceberg's Java library compares uuids as signed numbers (apache/iceberg#14216). DuckDB
 * 1.5.5 hashes the hexadecimal text of a blob and the wrong bytes of a decimal (duckdb/duckdb#23829, #23919), and uses
 * no bloom filters of uuids.
 */
const UNPROBED: Readonly<Record<JudgeName, readonly Field['type']['kind'][]>> = {
  pyiceberg: ['uuid'],
  duckdb: ['binary', 'fixed', 'decimal', 'uuid'],
  spark: ['uuid'],
}

export async function openSession(judges: readonly JudgeName[]): Promise<ParquetSession> {
  const folder = await mkdtemp(join(tmpdir(), 'serac-parquet-'))
  const files = await writeGallery(folder)
  const newerTypes = await writeNewerTypes(folder)
  const answers = new Map<string, ParquetAnswer>()
  await Promise.all(
    judges.map(async judge => {
      const asked = requestsFor(judge, files, folder)
      asked.set(newerKey(judge), newerTypesRequest(judge, newerTypes))
      const given = await askParquet(judge, [...asked.values()])
      for (const [at, key] of [...asked.keys()].entries()) answers.set(key, given[at]!)
    }),
  )
  const written = WRITINGS.flatMap(writing => answers.get(writeKey(writing))?.files?.[0] ?? [])
  const seen =
    written.length === 0 || !judges.includes('pyiceberg')
      ? []
      : await askParquet('pyiceberg', written.map(readByOracle))
  for (const [at, path] of written.entries()) answers.set(path, seen[at]!)
  const answerTo = (key: string): ParquetAnswer => checkAnswer(key, answers.get(key))
  return {
    files,
    read: (judge, index) => answerTo(readKey(judge, index)),
    look: (judge, index) => answerTo(lookKey(judge, index)),
    readNewerTypes: judge => answerTo(newerKey(judge)),
    written: writing => {
      const path = answerTo(writeKey(writing)).files![0]!
      return { path, rows: answerTo(path).rows! }
    },
    close: () => rm(folder, { recursive: true, force: true }),
  }
}

const readKey = (judge: JudgeName, index: number): string => `${judge} reads ${index}`
const lookKey = (judge: JudgeName, index: number): string => `${judge} looks into ${index}`
const newerKey = (judge: JudgeName): string => `${judge} reads newer types`
const writeKey = ({ judge, title }: Writing): string => `${judge} writes ${title}`
const readByOracle = (path: string): ParquetRequest => ({ verb: 'read', path })

function checkAnswer(key: string, answer: ParquetAnswer | undefined): ParquetAnswer {
  if (answer !== undefined && answer.error === undefined) return answer
  throw new Error(`${key}: ${answer?.error} ${answer?.message}`)
}

function requestsFor(
  judge: JudgeName,
  files: readonly GalleryFile[],
  folder: string,
): Map<string, ParquetRequest> {
  const requests = new Map<string, ParquetRequest>()
  for (const index of filesFor(judge)) requests.set(readKey(judge, index), readRequest(judge, files[index]!))
  const filters = probesFor(judge).map(({ field, text }) => [field.name, text])
  for (const index of PROBED_FILES) {
    const { path, fields } = files[index]!
    const schema = sparkSchema(fieldsFor(judge, fields), field => field.name)
    requests.set(lookKey(judge, index), {
      verb: 'look',
      path,
      filters,
      schema,
      iceberg: icebergSchema(fields),
    })
  }
  for (const [at, writing] of WRITINGS.entries()) {
    if (writing.judge !== judge) continue
    const { path: from, fields } = files[writing.source === 'wide' ? WIDE_FILE : NESTED_FILE]!
    requests.set(
      writeKey(writing),
      writeRequest(writing, { from, to: join(folder, `written-${at}.parquet`), fields }),
    )
  }
  return requests
}

function readRequest(judge: JudgeName, { path, fields }: GalleryFile): ParquetRequest {
  const seen = fieldsFor(judge, fields)
  const columns = seen.map(field => `"${field.name}"`)
  return { verb: 'read', path, columns, schema: sparkSchema(seen), iceberg: icebergSchema(fields) }
}
