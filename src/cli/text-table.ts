/** Rows as an aligned table of text: numbers to the right, long cells cut to what a terminal shows. */

const CELL_COLUMNS_MAX = 60

export function textTable(headers: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const cells = rows.map(row => headers.map((_, index) => cellText(row[index])))
  const widths = headers.map((header, index) =>
    cells.reduce((width, row) => Math.max(width, displayWidth(row[index] ?? '')), displayWidth(header)),
  )
  const rightAligned = headers.map((_, index) =>
    rows.every(
      row => row[index] === null || typeof row[index] === 'number' || typeof row[index] === 'bigint',
    ),
  )
  const line = (row: readonly string[]): string =>
    row
      .map((cell, index) => pad(cell, { width: widths[index] ?? 0, right: rightAligned[index] === true }))
      .join('  ')
      .trimEnd()
  const rule = widths.map(width => '-'.repeat(width)).join('  ')
  return `${[line(headers), rule, ...cells.map(line)].join('\n')}\n`
}

function cellText(value: unknown): string {
  if (value === null || value === undefined) return 'NULL'
  const text = typeof value === 'object' ? JSON.stringify(value, exact) : plainText(value)
  const oneLine = text.replace(/\p{Cc}/gu, control => JSON.stringify(control).slice(1, -1))
  const characters = [...oneLine]
  return characters.length <= CELL_COLUMNS_MAX
    ? oneLine
    : `${characters.slice(0, CELL_COLUMNS_MAX - 1).join('')}…`
}

function plainText(value: unknown): string {
  return Object.is(value, -0) ? '-0.0' : String(value)
}

function exact(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

function displayWidth(text: string): number {
  return [...text].length
}

function pad(text: string, cell: { readonly width: number; readonly right: boolean }): string {
  const space = ' '.repeat(Math.max(0, cell.width - displayWidth(text)))
  return cell.right ? space + text : text + space
}
