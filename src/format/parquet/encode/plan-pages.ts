/**
 * Where a column chunk is cut into data pages: after so many rows or so many bytes, whichever comes first, always
 * between rows. A row larger than a page is a page.
 */
import type { StoredValues } from '../leaf.js'

/** Entries, values and rows of a page within its part of the chunk, ends exclusive. */
export interface PageCut {
  readonly entryFrom: number
  readonly entryTo: number
  readonly valueFrom: number
  readonly valueTo: number
  readonly rowFrom: number
  readonly rowTo: number
}

export interface PageLimits {
  readonly pageRows: number
  /** Of encoded values, about. */
  readonly pageBytes: number
}

/** What decides about the size of a page. */
export interface PageShape {
  readonly entries: number
  readonly definition?: Uint8Array | undefined
  readonly repetition?: Uint8Array | undefined
  readonly maxDefinition: number
  readonly sizes: ValueSizes
}

/** Bits of every value, or where each value's bytes begin and what comes on top. */
export type ValueSizes =
  | { readonly bits: number }
  | { readonly offsets: Int32Array; readonly overheadBytes: number }

/** Sizes of plain values. */
export function plainSizes(values: Exclude<StoredValues, { layout: 'dictionary' }>): ValueSizes {
  switch (values.layout) {
    case 'fixed-width':
      return { bits: values.values.BYTES_PER_ELEMENT * 8 }
    case 'boolean':
      return { bits: 1 }
    case 'fixed-bytes':
      return { bits: values.widthBytes * 8 }
    default:
      return { offsets: values.offsets, overheadBytes: 4 }
  }
}

/** The pages of a part of a chunk; none when it has no entries. */
export function planPages(shape: PageShape, limits: PageLimits): PageCut[] {
  if (shape.definition !== undefined || shape.repetition !== undefined) return planByEntry(shape, limits)
  const { entries, sizes } = shape
  const pages: PageCut[] = []
  for (let from = 0; from < entries; ) {
    const to = Math.min(
      entries,
      'bits' in sizes
        ? endByBits(sizes.bits, from, limits)
        : endByOffsets(sizes, from, { ...limits, entries }),
    )
    pages.push({ entryFrom: from, entryTo: to, valueFrom: from, valueTo: to, rowFrom: from, rowTo: to })
    from = to
  }
  return pages
}

function endByBits(bits: number, from: number, { pageRows, pageBytes }: PageLimits): number {
  return from + Math.max(1, Math.min(pageRows, Math.floor((pageBytes * 8) / Math.max(1, bits))))
}

/** The last value that still fits, by halving. */
function endByOffsets(
  { offsets, overheadBytes }: Extract<ValueSizes, { offsets: Int32Array }>,
  from: number,
  limits: PageLimits & { readonly entries: number },
): number {
  const start = offsets[from] as number
  let low = from + 1
  let high = Math.min(limits.entries, from + limits.pageRows)
  while (low < high) {
    const middle = (low + high + 1) >> 1
    const bytes = (offsets[middle] as number) - start + overheadBytes * (middle - from)
    if (bytes <= limits.pageBytes) low = middle
    else high = middle - 1
  }
  return low
}

/** Levels take a bit or more of an entry, whether it has a value or not. */
const LEVEL_BITS = 1

/** Entry by entry: only levels say where rows begin and which entries have values. */
function planByEntry(shape: PageShape, { pageRows, pageBytes }: PageLimits): PageCut[] {
  const { entries, definition, repetition, maxDefinition, sizes } = shape
  const pages: PageCut[] = []
  const bitsMax = pageBytes * 8
  let page = { entry: 0, value: 0, row: 0 }
  // The beginning of the row that is being looked at.
  let start = { entry: 0, value: 0, row: 0 }
  let value = 0
  let row = 0
  let bits = 0
  let rowBits = 0
  const cutAt = (place: typeof page): void => {
    pages.push({
      entryFrom: page.entry,
      entryTo: place.entry,
      valueFrom: page.value,
      valueTo: place.value,
      rowFrom: page.row,
      rowTo: place.row,
    })
    page = place
  }
  for (let entry = 0; entry < entries; ) {
    rowBits = 0
    do {
      rowBits += LEVEL_BITS
      if (definition === undefined || definition[entry] === maxDefinition) {
        rowBits += sizeAt(sizes, value)
        value += 1
      }
      entry += 1
    } while (repetition !== undefined && entry < entries && repetition[entry] !== 0)
    row += 1
    if (bits > 0 && bits + rowBits > bitsMax) {
      cutAt(start)
      bits = 0
    }
    bits += rowBits
    start = { entry, value, row }
    if (row - page.row >= pageRows) {
      cutAt(start)
      bits = 0
    }
  }
  if (page.entry < entries) cutAt(start)
  return pages
}

function sizeAt(sizes: ValueSizes, value: number): number {
  if ('bits' in sizes) return sizes.bits
  return ((sizes.offsets[value + 1] as number) - (sizes.offsets[value] as number) + sizes.overheadBytes) * 8
}
