/**
 * Where a lake is: `serac.json` in the working folder, or `SERAC_*` variables, name catalogs with PyIceberg's
 * property names.
 *
 *   { "default": "prod", "catalogs": { "prod": { "type": "embedded", "warehouse": "./lake" } } }
 *
 *   SERAC_CATALOG=prod   SERAC_WAREHOUSE=./lake   SERAC_URI=sqlite:////lake/catalog.db
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

const DEFAULTS: CatalogProperties = { type: 'embedded', warehouse: './lake' }

/**
 * The catalog to use: flags win over variables, variables over the file, the file over `./lake`. Who names another
 * warehouse does not mean the catalog file of the old one.
 * @throws invalid-argument for a catalog that is not configured or a file that cannot be read as one
 */
export function resolveCatalog(source: ConfigurationSource): CatalogProperties {
  const { environment } = source
  const file = source.file === undefined ? {} : parseFile(source.file)
  const name = source.catalog ?? environment.SERAC_CATALOG ?? textOf(file.default)
  const levels: readonly CatalogProperties[] = [
    catalogNamed(file, name),
    given({ warehouse: environment.SERAC_WAREHOUSE, uri: environment.SERAC_URI }),
    given({ warehouse: source.warehouse }),
  ]
  let properties: CatalogProperties = DEFAULTS
  for (const level of levels) {
    const { uri, ...rest } = properties
    const keepsUri = uri !== undefined && level.warehouse === undefined
    properties = { ...rest, ...(keepsUri ? { uri } : {}), ...level }
  }
  return properties
}

function given(properties: Readonly<Record<string, string | undefined>>): CatalogProperties {
  return Object.fromEntries(
    Object.entries(properties).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}

function catalogNamed(file: JsonObject, name: string | undefined): CatalogProperties {
  if (name === undefined) return {}
  const catalogs = isJsonObject(file.catalogs) ? file.catalogs : {}
  const catalog = Object.hasOwn(catalogs, name) ? catalogs[name] : undefined
  if (!isJsonObject(catalog)) {
    throw new LakeError('invalid-argument', 'no catalog of that name is configured in serac.json', {
      context: { catalog: name, configured: Object.keys(catalogs) },
    })
  }
  return Object.fromEntries(Object.entries(catalog).map(([key, value]) => [key, propertyText(key, value)]))
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
