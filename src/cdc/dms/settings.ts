/**
 * How the files of a DMS target read: settings of its S3 endpoint, and what to do about files that are not where they
 * were. Names of the endpoint's settings are those of `aws dms describe-endpoints` (`S3Settings`), in either case.
 */
import { errorText, LakeError } from '../../base/errors.js'
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../base/json.js'

export interface DmsSettings {
  /** Whose types and schemas these are; a schema of MySQL is a database. Default `postgres`. */
  readonly engine?: 'postgres' | 'mysql' | undefined
  /** Which CSV files without a header begin with the `Op` column: all, those of changes only, none. Default: told by their columns. */
  readonly op?: 'always' | 'cdc' | 'never' | undefined
  /** Whether CSV files begin with the names of their columns; default: told by the first line. */
  readonly header?: boolean | undefined
  /** Name of the column with the time of the commit; default none. */
  readonly timestampColumn?: string | undefined
  /** Name of the column with the sequence of the change; default `AR_H_CHANGE_SEQ`. */
  readonly sequenceColumn?: string | undefined
  /** What names of before-image columns begin with; default `BI_`. */
  readonly beforeImagePrefix?: string | undefined
  /** Text of a field that is null unless it is quoted; default `NULL`. */
  readonly nullText?: string | undefined
  /** Text of a field that the source did not supply, so that it is unchanged; default none. */
  readonly noSuppText?: string | undefined
  /** One character; default a comma. */
  readonly delimiter?: string | undefined
  /** False: quotes stand for themselves and no field holds a delimiter or a line end. Default true. */
  readonly quotes?: boolean | undefined
  /** What becomes of files and changes that come behind newer ones that were applied; default `fail`. */
  readonly late?: 'fail' | 'skip' | 'apply' | undefined
  /**
   * What it means that the last file applied is gone: `truncate`, that the source table was truncated, for which DMS
   * deletes all its files; `keep`, that somebody tidied up. Default `fail`.
   */
  readonly missing?: 'fail' | 'keep' | 'truncate' | undefined
}

export const SEQUENCE_COLUMN = 'AR_H_CHANGE_SEQ'
export const BEFORE_IMAGE_PREFIX = 'BI_'
export const NULL_TEXT = 'NULL'

/**
 * Reads an endpoint's settings: the JSON of its `S3Settings`, or an object that holds it.
 * @throws invalid-argument for other text; unsupported for files that cannot be read
 */
export function parseDmsSettings(text: string): DmsSettings {
  const given = new Map(Object.entries(settingsIn(text)).map(([name, value]) => [name.toLowerCase(), value]))
  const textAt = (name: string): string | undefined => textSetting(given, name)
  const isTrue = (name: string): boolean | undefined => booleanSetting(given, name)
  checkRowDelimiter(textAt('CsvRowDelimiter'))
  const isOpInLoad = isTrue('IncludeOpForFullLoad') === true
  const isOpNever = isTrue('CdcInsertsOnly') === true && !isOpInLoad
  const settings: DmsSettings = {
    op: isOpInLoad ? 'always' : isOpNever ? 'never' : 'cdc',
    header: isTrue('AddColumnName') === true,
    timestampColumn: textAt('TimestampColumnName'),
    nullText: textAt('CsvNullValue'),
    noSuppText: isTrue('UseCsvNoSupValue') === true ? textAt('CsvNoSupValue') : undefined,
    delimiter: delimiterOf(textAt('CsvDelimiter')),
    quotes: isTrue('Rfc4180'),
  }
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined))
}

function settingsIn(text: string): JsonObject {
  let json: JsonValue
  try {
    json = parseJson(text)
  } catch (cause) {
    throw new LakeError('invalid-argument', 'the settings of the endpoint are not valid JSON', {
      cause,
      context: { reason: errorText(cause) },
    })
  }
  const outer = isJsonObject(json) && isJsonObject(json.Endpoint) ? json.Endpoint : json
  const settings = isJsonObject(outer) && isJsonObject(outer.S3Settings) ? outer.S3Settings : outer
  if (isJsonObject(settings)) return settings
  throw new LakeError('invalid-argument', 'the settings of the endpoint are not an object', {
    context: { text: text.slice(0, 80) },
  })
}

function textSetting(given: ReadonlyMap<string, JsonValue>, name: string): string | undefined {
  const value = given.get(name.toLowerCase())
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') return value
  throw badSetting(name, value)
}

function booleanSetting(given: ReadonlyMap<string, JsonValue>, name: string): boolean | undefined {
  const value = given.get(name.toLowerCase())
  if (value === undefined || value === null || typeof value === 'boolean') return value ?? undefined
  if (value === 'true' || value === 'false') return value === 'true'
  throw badSetting(name, value)
}

function badSetting(setting: string, value: JsonValue): LakeError {
  return new LakeError('invalid-argument', 'a setting of the endpoint has a value that it cannot have', {
    context: { setting, value: String(value).slice(0, 80) },
  })
}

function checkRowDelimiter(delimiter: string | undefined): void {
  if (delimiter === undefined || ['\n', '\r\n', '\\n', '\\r\\n'].includes(delimiter)) return
  throw new LakeError('unsupported', 'lines of CSV that do not end in a line end are not read', {
    context: { setting: 'CsvRowDelimiter', value: delimiter },
  })
}

function delimiterOf(text: string | undefined): string | undefined {
  return text === '\\t' ? '\t' : text
}
