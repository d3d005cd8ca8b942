/**
 * Rows as CSV (RFC 4180, lines end in a line feed). Values have the text of their JSON form, nested ones that of their
 * JSON; null is nothing, so that an empty string, `""`, is told apart.
 */
import type { JsonValue } from '../index.js'

export function csvHeader(names: readonly string[]): string {
  return `${names.map(quoted).join(',')}\n`
}

/** @param json prints a value as JSON, numbers exactly */
export function csvLine(
  names: readonly string[],
  row: { readonly [column: string]: JsonValue },
  json: (value: JsonValue) => string,
): string {
  return `${names.map(name => cell(row[name] ?? null, json)).join(',')}\n`
}

function cell(value: JsonValue, json: (value: JsonValue) => string): string {
  if (value === null) return ''
  if (typeof value === 'string') return value === '' ? '""' : quoted(value)
  return quoted(json(value))
}

/** Spaces at the ends are quoted too: some readers drop them. */
function quoted(text: string): string {
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
