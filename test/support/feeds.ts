/** The captured feeds, as the command line and `applyFeed` take them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { applyFeed, type FeedLine, type FeedReport, parsePosition, parseTypesFile } from '../../src/cdc.js'
import type { LakeContext } from '../../src/index.js'
import { FEEDS, type Loss, positionOfCheckpoint } from './source-state.js'

export interface RealFeed {
  readonly name: string
  readonly path: string
  readonly format: 'wal2json' | 'debezium'
  /** The file of `--types`. */
  readonly types?: string
  /** True when the tables hold their first rows before the feed begins. */
  readonly needsTables: boolean
  readonly losses: readonly Loss[]
  /** What `--until` takes for a checkpoint. */
  readonly until: (checkpoint: number) => string
}

const DEBEZIUM_SCHEMAS = join(FEEDS, 'postgres-debezium', 'debezium-schemas.jsonl.gz')

export const wal2json: RealFeed = {
  name: 'wal2json version 2',
  path: join(FEEDS, 'postgres-wal2json', 'wal2json-v2.jsonl.gz'),
  format: 'wal2json',
  needsTables: true,
  losses: ['nan'],
  until: positionOfCheckpoint,
}

export const debezium: RealFeed = {
  name: 'Debezium with declared types',
  path: join(FEEDS, 'postgres-debezium', 'debezium.jsonl.gz'),
  format: 'debezium',
  types: join(FEEDS, 'checkpoints', '3', 'meta.json'),
  needsTables: false,
  losses: [],
  until: positionOfCheckpoint,
}

export const debeziumWithSchemas: RealFeed = {
  name: 'Debezium with schemas',
  path: DEBEZIUM_SCHEMAS,
  format: 'debezium',
  needsTables: false,
  losses: ['nan-numeric', 'scale'],
  until: checkpoint => `line:${lastLineOfCheckpoint(checkpoint)}`,
}

export interface Portion {
  readonly checkpoint: number
  readonly commitRows: number
}

/** Applies the feed to the tables of namespace `shop`. */
export function applyRealFeed(context: LakeContext, feed: RealFeed, portion: Portion): Promise<FeedReport> {
  return applyFeed(linesOf(feed), {
    ...context,
    format: feed.format,
    target: { namespace: ['shop'] },
    types: feed.types === undefined ? undefined : parseTypesFile(readFileSync(feed.types, 'utf8')),
    until: parsePosition(feed.until(portion.checkpoint)),
    commitRows: portion.commitRows,
  })
}

/** Arguments of `serac cdc` that say what feed it is and where it goes. */
export function argumentsOf(feed: RealFeed): readonly string[] {
  const types = feed.types === undefined ? [] : ['--types', feed.types]
  return [feed.path, '--format', feed.format, '--namespace', 'shop', ...types]
}

/** The same as `applyRealFeed`, as a command of `serac`. */
export function commandOf(feed: RealFeed, portion: Portion): readonly string[] {
  const until = ['--until', feed.until(portion.checkpoint), '--commit-rows', String(portion.commitRows)]
  return ['cdc', ...argumentsOf(feed), ...until]
}

const texts = new Map<string, readonly string[]>()

function textLines(path: string): readonly string[] {
  const known = texts.get(path) ?? gunzipSync(readFileSync(path)).toString().split('\n')
  texts.set(path, known)
  return known
}

async function* linesOf(feed: RealFeed): AsyncGenerator<FeedLine> {
  let number = 0
  for (const text of textLines(feed.path)) {
    number += 1
    if (text !== '') yield { number, text }
  }
}

/** The last line of the transaction that wrote the checkpoint's mark: up to where `source.txId` stays the same. */
function lastLineOfCheckpoint(checkpoint: number): number {
  const payloads = textLines(DEBEZIUM_SCHEMAS).map(line =>
    line === '' ? undefined : JSON.parse(line).value?.payload,
  )
  const mark = payloads.findIndex(
    payload => payload?.source?.table === 'checkpoint_marks' && payload.after?.id === checkpoint,
  )
  const { txId } = payloads[mark].source
  let last = mark
  while (payloads[last + 1]?.source?.txId === txId) last += 1
  return last + 1
}
