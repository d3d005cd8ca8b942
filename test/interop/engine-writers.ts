/**
 * How other engines are told to write Parquet files, for serac to read: each line is a file. The rows come out of
 * files of serac's own, or are made in the engine where it has types that Iceberg has not.
 */
import type { Field } from '../../src/schema/types.js'
import type { JudgeName } from '../judges/judge.js'
import { fieldsFor, sparkSchema } from './engine-schemas.js'

export interface Writing {
  readonly title: string
  readonly judge: JudgeName
  /** The request, but for the paths. */
  readonly request: Readonly<Record<string, unknown>>
  /** Which file the rows come from: the wide table, or one of nested types. */
  readonly source: 'wide' | 'nested'
}

// ---- pyarrow

const ENCODINGS: Readonly<Record<string, string>> = {
  id: 'DELTA_BINARY_PACKED',
  b: 'RLE',
  i: 'BYTE_STREAM_SPLIT',
  l: 'DELTA_BINARY_PACKED',
  f: 'BYTE_STREAM_SPLIT',
  d: 'BYTE_STREAM_SPLIT',
  d9: 'BYTE_STREAM_SPLIT',
  d38: 'DELTA_BYTE_ARRAY',
  day: 'DELTA_BINARY_PACKED',
  tm: 'BYTE_STREAM_SPLIT',
  s: 'DELTA_BYTE_ARRAY',
  u: 'DELTA_BYTE_ARRAY',
  x: 'DELTA_LENGTH_BYTE_ARRAY',
  fx: 'BYTE_STREAM_SPLIT',
  'tags.list.element': 'DELTA_LENGTH_BYTE_ARRAY',
  'p.x': 'BYTE_STREAM_SPLIT',
}
const SPLIT = ['id', 'i', 'l', 'f', 'd', 'd9', 'd18', 'd38', 'day', 'ts', 'u', 'fx', 'p.x']
const SMALL_PAGES = { data_page_size: 256, write_batch_size: 16 }
const WITHOUT_NANOS = { without: ['tsn', 'tzn'] }

const PYARROW: readonly (readonly [string, Record<string, unknown>])[] = [
  ['defaults', {}],
  ['version 1.0', { version: '1.0', ...WITHOUT_NANOS }],
  ['version 2.4', { version: '2.4', ...WITHOUT_NANOS }],
  ['no codec, no dictionary', { compression: 'none', use_dictionary: false }],
  ['gzip', { compression: 'gzip' }],
  ['zstd, level 19', { compression: 'zstd', compression_level: 19 }],
  ['brotli', { compression: 'brotli' }],
  ['lz4', { compression: 'lz4' }],
  ['pages v2, zstd', { data_page_version: '2.0', compression: 'zstd' }],
  ['pages v2, snappy, small pages', { data_page_version: '2.0', ...SMALL_PAGES }],
  [
    'pages v2, no codec, no dictionary',
    { data_page_version: '2.0', compression: 'none', use_dictionary: false },
  ],
  ['an encoding each column', { use_dictionary: false, column_encoding: ENCODINGS }],
  [
    'an encoding each column, pages v2',
    { use_dictionary: false, column_encoding: ENCODINGS, data_page_version: '2.0', ...SMALL_PAGES },
  ],
  [
    'byte stream split, small row groups',
    { use_dictionary: false, use_byte_stream_split: SPLIT, row_group_size: 77 },
  ],
  ['small pages and row groups, page index', { ...SMALL_PAGES, row_group_size: 100, write_page_index: true }],
  ['seven rows a page', { max_rows_per_page: 7, write_page_index: true }],
  ['dictionaries that overflow', { dictionary_pagesize_limit: 128, ...SMALL_PAGES }],
  ['INT96', { use_deprecated_int96_timestamps: true, store_schema: false, ...WITHOUT_NANOS }],
  ['milliseconds', { coerce_timestamps: 'ms', allow_truncated_timestamps: true }],
  ['no Arrow schema', { store_schema: false }],
  ['page checksums', { write_page_checksum: true }],
  ['page checksums, pages v2', { write_page_checksum: true, data_page_version: '2.0', compression: 'gzip' }],
  ['old names in lists', { use_compliant_nested_type: false, store_schema: false }],
  ['decimals as integers', { store_decimal_as_integer: true }],
  ['bloom filters', { bloom_filter_options: { id: { ndv: 600 }, s: true } }],
  ['sorting columns', { sorting_columns: [[0, false, true]] }],
  ['times of UTC', { write_time_adjusted_to_utc: true, store_schema: false }],
  ['flavor of Spark', { flavor: 'spark', ...WITHOUT_NANOS }],
  ['content-defined chunks', { use_content_defined_chunking: true }],
  ['large types', { large: true }],
  ['no statistics', { write_statistics: false }],
]
const PYARROW_NESTED = [
  'defaults',
  'pages v2, snappy, small pages',
  'seven rows a page',
  'old names in lists',
  'small pages and row groups, page index',
]
const PYARROW_TYPES = ['defaults', 'version 1.0', 'pages v2, zstd', 'no Arrow schema']

function pyarrowWritings(): Writing[] {
  const options = new Map(PYARROW)
  const named = (
    names: readonly string[],
    of: string,
    more: Pick<Writing, 'source'> & { types?: boolean },
  ): Writing[] =>
    names.map(name => ({
      title: `${of}, ${name}`,
      judge: 'pyiceberg',
      request: { options: options.get(name), ...(more.types === true ? { types: true } : {}) },
      source: more.source,
    }))
  return [
    ...named([...options.keys()], 'every type', { source: 'wide' }),
    ...named(PYARROW_NESTED, 'nested', { source: 'nested' }),
    ...named(PYARROW_TYPES, 'types of Arrow', { source: 'wide', types: true }),
  ]
}

// ---- DuckDB

const DUCKDB: readonly (readonly [string, readonly string[]])[] = [
  ['defaults', []],
  ['version 2', ['PARQUET_VERSION v2']],
  ['version 2, gzip', ['PARQUET_VERSION v2', 'COMPRESSION gzip']],
  [
    'version 2, no codec, no dictionaries',
    ['PARQUET_VERSION v2', 'COMPRESSION uncompressed', 'DICTIONARY_SIZE_LIMIT 1'],
  ],
  ['no codec', ['COMPRESSION uncompressed']],
  ['zstd, level 19', ['COMPRESSION zstd', 'COMPRESSION_LEVEL 19']],
  ['brotli', ['COMPRESSION brotli']],
  ['lz4', ['COMPRESSION lz4']],
  ['no dictionaries', ['DICTIONARY_SIZE_LIMIT 1']],
  ['bloom filters of one in a thousand', ['BLOOM_FILTER_FALSE_POSITIVE_RATIO 0.001']],
  ['field ids', ["FIELD_IDS 'auto'"]],
  ['small row groups', ['ROW_GROUP_SIZE 2048']],
]

/** DuckDB writes deltas of 33 bits for int32 values this far apart, which neither pyarrow nor parquet-rs takes. */
const WIDER_DELTAS: readonly string[] = ['i']

/** Types that DuckDB has and Iceberg has not, or in another width. */
const DUCKDB_TYPES: readonly string[] = [
  'i::BIGINT % 100 AS n',
  '(i % 100)::TINYINT AS tiny',
  '(i % 1000)::SMALLINT AS small',
  'abs(i % 100)::UTINYINT AS utiny',
  'abs(i % 1000)::USMALLINT AS usmall',
  'abs(i::BIGINT)::UINTEGER AS uint',
  'abs(i::BIGINT)::UBIGINT AS ubig',
  '(i / 7)::FLOAT AS narrow',
  "date_trunc('second', ts)::TIMESTAMP_S AS seconds",
  "date_trunc('millisecond', ts)::TIMESTAMP_MS AS millis",
  'tm::TIME AS clock',
  "(CASE WHEN b THEN 'yes' ELSE 'no' END)::ENUM('yes', 'no') AS word",
  'to_json({a: i, b: s}) AS json',
  '[d, NULL, d]::DOUBLE[3] AS triple',
  '[[i], NULL, []] AS lists',
  'map([id], [[s]]) AS lookup',
  '{a: {b: [s, NULL]}, c: d} AS deep',
]

function duckdbWritings(): Writing[] {
  const writing = (of: string, columns: readonly string[] | undefined, source: Writing['source']) =>
    DUCKDB.map(
      ([name, options]): Writing => ({
        title: `${of}, ${name}`,
        judge: 'duckdb',
        // More rows than the engine's vectors and smallest row groups have.
        request: { options, times: 5, without: WIDER_DELTAS, ...(columns === undefined ? {} : { columns }) },
        source,
      }),
    )
  return [
    ...writing('every type', undefined, 'wide'),
    ...writing('types of DuckDB', DUCKDB_TYPES, 'wide').slice(0, 3),
    ...writing('nested', undefined, 'nested').slice(0, 3),
  ]
}

// ---- Spark

type SparkSettings = Readonly<Record<string, string>>

const V2_PAGES: SparkSettings = { 'parquet.writer.version': 'PARQUET_2_0' }
const SPARK: readonly (readonly [string, SparkSettings, SparkSettings])[] = [
  ['defaults', {}, {}],
  ['pages v2', V2_PAGES, {}],
  [
    'pages v2, no dictionaries, gzip',
    { ...V2_PAGES, 'parquet.enable.dictionary': 'false', compression: 'gzip' },
    {},
  ],
  ['no dictionaries, no codec', { 'parquet.enable.dictionary': 'false', compression: 'none' }, {}],
  [
    'byte stream split',
    { 'parquet.enable.dictionary': 'false', 'parquet.enable.bytestreamsplit': 'true', compression: 'zstd' },
    {},
  ],
  ['lz4 in Hadoop blocks', { compression: 'lz4' }, {}],
  ['lz4_raw', { compression: 'lz4_raw' }, {}],
  [
    'small pages',
    {
      'parquet.page.size': '512',
      'parquet.page.row.count.limit': '20',
      'parquet.dictionary.page.size': '512',
    },
    {},
  ],
  ['small pages v2', { ...V2_PAGES, 'parquet.page.size': '512', 'parquet.page.row.count.limit': '20' }, {}],
  [
    'bloom filters',
    { 'parquet.bloom.filter.enabled': 'true', 'parquet.page.write-checksum.enabled': 'true' },
    {},
  ],
  ['INT96', {}, { 'spark.sql.parquet.outputTimestampType': 'INT96' }],
  ['milliseconds', {}, { 'spark.sql.parquet.outputTimestampType': 'TIMESTAMP_MILLIS' }],
  ['old decimals, lists and maps', {}, { 'spark.sql.parquet.writeLegacyFormat': 'true' }],
]

function sparkWritings(): Writing[] {
  return SPARK.map(([name, options, conf]) => ({
    title: `every type, ${name}`,
    judge: 'spark',
    request: { options, conf },
    source: 'wide',
  }))
}

/** Everything that is written. */
export const WRITINGS: readonly Writing[] = [...pyarrowWritings(), ...duckdbWritings(), ...sparkWritings()]

/** The request of a writing, for rows out of the file `from` with these fields. */
export function writeRequest(
  { judge, request }: Writing,
  files: { readonly from: string; readonly to: string; readonly fields: readonly Field[] },
): { readonly verb: 'write'; readonly [key: string]: unknown } {
  const { without = [] } = request as { readonly without?: readonly string[] }
  const fields = fieldsFor(judge, files.fields).filter(field => !without.includes(field.name))
  const columns = fields.map(field => field.name)
  return { verb: 'write', columns, schema: sparkSchema(fields), ...request, from: files.from, to: files.to }
}
