/**
 * Where a lake is: `serac.json` in the working folder, or `SERAC_*` variables, name catalogs with PyIceberg's
 * property names.
 *
 *   { "default": "prod", "catalogs": { "prod": { "type": "embedded", "warehouse": "./lake" } } }
 *
 *   SERAC_CATALOG=prod   SERAC_WAREHOUSE=./lake   SERAC_URI=sqlite:////lake/catalog.db
 *   SERAC_S3__ENDPOINT=...                     the property `s3.endpoint`, whatever the catalog
 *   SERAC_CATALOG__PROD__S3__ENDPOINT=...      of the catalog `prod`
 *
 * In names of variables two underscores are a dot, and one is a dash.
 */
import { errorText, LakeError } from '../base/errors.js'
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../base/json.js'

/** Properties of one catalog, by PyIceberg's names: `type`, `uri`, `warehouse`. */
export type CatalogProperties = Readonly<Record<string, string>>

export interface ConfigurationSource {
  /** The text of `serac.json`, when there is one. */
  readonly file?: string | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
  /** `--catalog`. */
  readonly catalog?: string | undefined
  /** `--warehouse`: names the lake's folder directly. */
  readonly warehouse?: string | undefined
}

/** Where an embedded lake is that is named nowhere. */
const WAREHOUSE_DEFAULT = './lake'
/** Properties with variables of their own; others are told by the dot in their names. */
const PLAIN_VARIABLES = ['type', 'name', 'uri', 'warehouse', 'credential', 'token']

/**
 * The catalog to use: flags win over variables, variables over the file, the file over `./lake`. Who names another
 * warehouse does not mean the catalog file of the old one. A catalog with an address is a REST catalog unless it says else.
 * @throws invalid-argument for a catalog that is not configured or a file that cannot be read as one
 */
export function resolveCatalog(source: ConfigurationSource): CatalogProperties {
  const { environment } = source
  const file = source.file === undefined ? {} : parseFile(source.file)
  const name = source.catalog ?? environment.SERAC_CATALOG ?? textOf(file.default)
  const levels: readonly CatalogProperties[] = [
    catalogNamed(file, {
      name,
      variables: variablesOf(environment, `CATALOG__${name?.toUpperCase() ?? ''}__`),
    }),
    plainVariables(environment),
    given({ warehouse: source.warehouse }),
  ]
  let properties: CatalogProperties = {}
  for (const level of levels) {
    const { uri, ...rest } = properties
    const keepsUri = uri !== undefined && (level.warehouse === undefined || isAddress(uri))
    properties = { ...rest, ...(keepsUri ? { uri } : {}), ...level }
  }
  const type = properties.type ?? (isAddress(properties.uri) ? 'rest' : 'embedded')
  const needsFolder = type !== 'rest' && type !== 'dynamodb'
  return { type, ...(needsFolder ? { warehouse: WAREHOUSE_DEFAULT } : {}), ...properties }
}

function isAddress(uri: string | undefined): boolean {
  return uri !== undefined && /^https?:\/\//i.test(uri)
}

function plainVariables(environment: ConfigurationSource['environment']): CatalogProperties {
  const variables = variablesOf(environment, '')
  return Object.fromEntries(
    Object.entries(variables).filter(
      ([name]) => PLAIN_VARIABLES.includes(name) || (name.includes('.') && !name.startsWith('catalog.')),
    ),
  )
}

/** `SERAC_<prefix>S3__PATH_STYLE_ACCESS` as `s3.path-style-access`. */
function variablesOf(environment: ConfigurationSource['environment'], prefix: string): CatalogProperties {
  const start = `SERAC_${prefix}`
  return given(
    Object.fromEntries(
      Object.entries(environment)
        .filter(([variable]) => variable.startsWith(start) && variable.length > start.length)
        .map(([variable, value]) => [propertyName(variable.slice(start.length)), value]),
    ),
  )
}

function propertyName(variable: string): string {
  return variable.toLowerCase().replaceAll('__', '.').replaceAll('_', '-')
}

function given(properties: Readonly<Record<string, string | undefined>>): CatalogProperties {
  return Object.fromEntries(
    Object.entries(properties).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}

function catalogNamed(
  file: JsonObject,
  { name, variables }: { readonly name: string | undefined; readonly variables: CatalogProperties },
): CatalogProperties {
  if (name === undefined) return {}
  const catalogs = isJsonObject(file.catalogs) ? file.catalogs : {}
  const catalog = Object.hasOwn(catalogs, name) ? catalogs[name] : undefined
  if (!isJsonObject(catalog)) {
    if (Object.keys(variables).length > 0) return variables
    throw new LakeError('invalid-argument', 'no catalog of that name is configured in serac.json', {
      context: { catalog: name, configured: Object.keys(catalogs) },
    })
  }
  const texts = Object.entries(catalog).map(([key, value]) => [key, propertyText(key, value)])
  return { ...Object.fromEntries(texts), ...variables }
}

function propertyText(property: string, value: JsonValue): string {
  if (value !== null && typeof value !== 'object') return String(value)
  throw new LakeError('invalid-argument', 'a property of a catalog is not a text', { context: { property } })
}

function parseFile(text: string): JsonObject {
  let parsed: unknown
  try {
    parsed = parseJson(text)
  } catch (cause) {
    throw new LakeError('invalid-argument', 'serac.json is not valid JSON', {
      cause,
      context: { reason: errorText(cause) },
    })
  }
  if (!isJsonObject(parsed as JsonObject)) {
    throw new LakeError('invalid-argument', 'serac.json is not an object', {
      context: { text: text.slice(0, 80) },
    })
  }
  return parsed as JsonObject
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
