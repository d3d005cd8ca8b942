/** Feeds made of a few lines, and what readers and appliers make of them. */
import type { ChangeEvent, FeedContext, SourceRow, SourceTransaction } from '../../src/cdc/change-event.js'
import { type FeedLine, feedLines } from '../../src/cdc/feed-lines.js'

/** Lines as `readFeedFiles` gives them. */
export async function* linesOf(records: readonly unknown[]): AsyncGenerator<FeedLine> {
  for (const [index, record] of records.entries()) {
    yield { number: index + 1, text: typeof record === 'string' ? record : JSON.stringify(record) }
  }
}

export async function* chunksOf(
  bytes: Uint8Array | string,
  options: { readonly chunkBytes?: number } = {},
): AsyncGenerator<Uint8Array> {
  const all = Buffer.from(bytes)
  const size = options.chunkBytes ?? Math.max(1, all.length)
  for (let from = 0; from < all.length; from += size) yield all.subarray(from, from + size)
}

export async function allLines(
  bytes: Uint8Array | string,
  options: { readonly chunkBytes?: number } = {},
): Promise<FeedLine[]> {
  const lines = await collect(feedLines(chunksOf(bytes, options), { source: 'test' }))
  return lines.map(({ number, text }) => ({ number, text }))
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

export interface ReadFeed {
  readonly transactions: readonly SourceTransaction[]
  readonly events: readonly ChangeEvent[]
  readonly ignored: readonly string[]
}

type Reader = (lines: AsyncIterable<FeedLine>, context: FeedContext) => AsyncIterable<SourceTransaction>

export async function readWith(
  reader: Reader,
  records: readonly unknown[],
  context: Partial<FeedContext> = {},
): Promise<ReadFeed> {
  const ignored: string[] = []
  const transactions = await collect(
    reader(linesOf(records), { typesOf: () => undefined, onIgnored: what => ignored.push(what), ...context }),
  )
  return { transactions, events: transactions.flatMap(({ events }) => events), ignored }
}

/** A row as an object by column name. */
export function cellsOf(row: SourceRow | undefined): Record<string, unknown> | undefined {
  return row && Object.fromEntries(row.columns.map(({ name }, index) => [name, row.cells[index]]))
}
