/**
 * What Arrow has no type of its own for, as extensions: the name and the metadata that a field carries.
 *
 *   variant                 arrow.parquet.variant   struct<metadata: binary, value: binary>
 *   geometry, geography     geoarrow.wkb            binary; CRS and edges as JSON
 *
 * @see https://arrow.apache.org/docs/format/CanonicalExtensions.html "Parquet Variant"
 * @see https://geoarrow.org/extension-types "Extension metadata"
 */
import type { GeographyType, GeometryType, Type } from '../schema/types.js'

/** Where the id of a field stands in its metadata, as Parquet writers and readers have it. */
export const FIELD_ID_KEY = 'PARQUET:field_id'
export const EXTENSION_NAME_KEY = 'ARROW:extension:name'
const EXTENSION_METADATA_KEY = 'ARROW:extension:metadata'

export const VARIANT_EXTENSION = 'arrow.parquet.variant'
const WKB_EXTENSION = 'geoarrow.wkb'

/** The CRS of a type that names none. */
const DEFAULT_CRS = 'OGC:CRS84'
const DEFAULT_EDGES = 'spherical'

/** The field metadata of a type; none for types that Arrow has. */
export function extensionMetadata(type: Type): readonly (readonly [key: string, value: string])[] {
  switch (type.kind) {
    case 'variant':
      return extension(VARIANT_EXTENSION, '')
    case 'geometry':
      return extension(WKB_EXTENSION, JSON.stringify(crsOf(type)))
    case 'geography':
      return extension(
        WKB_EXTENSION,
        JSON.stringify({ ...crsOf(type), edges: type.algorithm ?? DEFAULT_EDGES }),
      )
    default:
      return []
  }
}

function extension(name: string, metadata: string): readonly (readonly [string, string])[] {
  return [
    [EXTENSION_NAME_KEY, name],
    [EXTENSION_METADATA_KEY, metadata],
  ]
}

const SRID = /^srid:(\d+)$/i
const AUTHORITY_CODE = /^[A-Za-z]\w*:\w+$/

/** A CRS in another form, such as a reference to a table property, is handed on as it is, without saying its form. */
function crsOf({ crs = DEFAULT_CRS }: GeometryType | GeographyType): { readonly [key: string]: string } {
  const srid = SRID.exec(crs)?.[1]
  if (srid !== undefined) return { crs: srid, crs_type: 'srid' }
  return /^projjson:/i.test(crs) || !AUTHORITY_CODE.test(crs) ? { crs } : { crs, crs_type: 'authority_code' }
}
