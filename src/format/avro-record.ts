/** Decoded Avro records: values by Iceberg field id, whatever a writer called its fields. */

/** A decoded record: values by `fieldKey`. */
export type AvroRecord = { readonly [key: string]: unknown }

/** The property of a decoded record that holds the field of that id. */
export function fieldKey(id: number): string {
  return `f${id}`
}
