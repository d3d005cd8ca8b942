/** Partition and sort transforms for `createTable`, as the text forms that the command line takes too. */

export function identity(column: string): string {
  return column
}
export function bucket(count: number, column: string): string {
  return `bucket(${count}, ${column})`
}
export function truncate(width: number, column: string): string {
  return `truncate(${width}, ${column})`
}
export function year(column: string): string {
  return `years(${column})`
}
export function month(column: string): string {
  return `months(${column})`
}
export function day(column: string): string {
  return `days(${column})`
}
export function hour(column: string): string {
  return `hours(${column})`
}
