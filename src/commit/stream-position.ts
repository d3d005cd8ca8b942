/**
 * Exactly once: the position of a feed lives in the commit that applied it - in the snapshot's summary and in
 * a table property, both under `serac.stream.<name>`.
 *
 * Summaries are versioned with the snapshots but vanish with expiry. Properties survive expiry but are
 * table-wide and know nothing of rollbacks. So a ref's history is asked first, newest snapshot first, and the
 * property counts only where expiry cut that history short:
 *
 * ```
 * head -> ... -> a snapshot with the stream's summary entry: that is the position
 *      -> ... -> the first commit, no entry on the way:      never applied here, or rolled back
 *      -> ... -> cut by expiry: the property, if its snapshot is expired too and not newer than the cut
 * ```
 *
 * An expiry may leave a snapshot behind the cut that a tag or a reader holds. Then it says in the property that this one is
 * behind the cut, and not one that was rolled back: `behind`, the oldest kept snapshot of the ref.
 *
 * Every commit with a position adds a snapshot and requires the ref's snapshot id. There is no requirement for
 * properties, so this is what keeps two appliers from both advancing a stream.
 */
import { isLakeError, LakeError } from '../base/errors.js'
import { isJsonObject, type JsonValue, parseJson, stringifyJson } from '../base/json.js'
import { refByName, snapshotById } from '../metadata/lookup.js'
import { MAIN_BRANCH, type Snapshot, type TableMetadata } from '../metadata/table-metadata.js'
import type { TableUpdate } from '../metadata/table-update.js'
import { ancestors, isAncestor } from '../snapshot/ancestry.js'

/** Where a stream stands on one ref of one table. */
export interface StreamPosition {
  readonly ref: string
  /** In the feed format's own terms; compared by the format's comparator. */
  readonly position: JsonValue
  /** Identifies the batch that led here: who finds its own token has landed already. */
  readonly token: string
  readonly snapshotId: bigint
  readonly sequenceNumber: bigint
  /** A snapshot of the ref whose history holds the position, as an expiry that cut the two apart knew. */
  readonly behind?: bigint | undefined
}

/** A step of a stream to be committed. */
export interface StreamStep {
  readonly stream: string
  readonly position: JsonValue
  readonly token: string
}

const PREFIX = 'serac.stream.'

/**
 * Name of the table property of a stream on a ref. Main has the plain name; another branch has its own property,
 * or two branches would overwrite each other.
 */
export function streamProperty(stream: string, ref: string = MAIN_BRANCH): string {
  return ref === MAIN_BRANCH ? summaryKey(stream) : `${summaryKey(stream)}@${escapeName(ref)}`
}

function summaryKey(stream: string): string {
  return `${PREFIX}${escapeName(stream)}`
}

function escapeName(name: string): string {
  return name.replaceAll('%', '%25').replaceAll('@', '%40')
}

function unescapeName(name: string): string {
  return name.replaceAll('%40', '@').replaceAll('%25', '%')
}

/**
 * The position of a stream on a ref, or undefined when the stream never wrote there. A branch that does not
 * exist yet will start from main, so it stands where main stands.
 * @throws conflict when the stream wrote there but its position was rolled back or expired away by someone
 * else: the caller has to be told a position; corrupt when an entry cannot be read
 */
export function readStreamPosition(
  metadata: TableMetadata,
  stream: string,
  ref: string = MAIN_BRANCH,
): StreamPosition | undefined {
  const source = refByName(metadata, ref) === undefined ? MAIN_BRANCH : ref
  const head = refByName(metadata, source)?.snapshotId
  const found = fromHistory(metadata, { stream, ref, head })
  if ('position' in found && found.position !== undefined) return found.position
  const oldest = 'oldest' in found ? found.oldest : undefined
  return fromProperty(metadata, { stream, ref: source, head, oldest })
}

/**
 * The updates of a commit with the step added: into the summary of the snapshot that they put on `ref`, and as
 * the stream's property.
 * @throws invalid-argument when the updates put no snapshot on the ref
 */
export function streamPositionUpdates(
  updates: readonly TableUpdate[],
  step: StreamStep & { readonly ref?: string | undefined },
): readonly TableUpdate[] {
  const ref = step.ref ?? MAIN_BRANCH
  const snapshot = snapshotPutOn(updates, ref)
  if (snapshot === undefined) {
    throw new LakeError('invalid-argument', 'a commit with a stream position has to add a snapshot', {
      context: { stream: step.stream, ref },
    })
  }
  const { snapshotId, sequenceNumber } = snapshot
  const { position, token } = step
  const value = stringifyJson({ ref, position, token, snapshotId, sequenceNumber })
  const withEntry = (update: TableUpdate): TableUpdate =>
    update.action === 'add-snapshot' && update.snapshot.snapshotId === snapshotId
      ? { ...update, snapshot: withSummary(update.snapshot, { [summaryKey(step.stream)]: value }) }
      : update
  return [
    ...updates.map(withEntry),
    { action: 'set-properties', updates: { [streamProperty(step.stream, ref)]: value } },
  ]
}

/**
 * The updates that keep the positions of all streams true when a ref is set to another snapshot of the table
 * (rollback, fast-forward, publish). They belong into the same commit.
 */
export function streamUpdatesForMove(
  metadata: TableMetadata,
  move: { readonly ref: string; readonly snapshotId: bigint },
): readonly TableUpdate[] {
  const set: Record<string, string> = {}
  const removed: string[] = []
  for (const stream of streamsIn(metadata)) {
    const name = streamProperty(stream, move.ref)
    const found = fromHistory(metadata, { stream, ref: move.ref, head: move.snapshotId })
    if ('position' in found && found.position !== undefined) {
      set[name] = stringifyJson({ ...found.position, ref: move.ref })
    } else if ('oldest' in found) {
      const position = beforeCut(metadata, { stream, oldest: found.oldest })
      if (position !== undefined) set[name] = stringifyJson({ ...position, ref: move.ref })
    } else if ('position' in found && Object.hasOwn(metadata.properties, name)) {
      removed.push(name)
    }
  }
  return [
    ...(Object.keys(set).length === 0 ? [] : [{ action: 'set-properties', updates: set } as const]),
    ...(removed.length === 0 ? [] : [{ action: 'remove-properties', removals: removed } as const]),
  ]
}

/**
 * The updates that keep positions readable when an expiry leaves their snapshots but cuts them off from their branches;
 * `after` is the table as the expiry alone would leave it.
 */
export function streamUpdatesForExpiry(before: TableMetadata, after: TableMetadata): readonly TableUpdate[] {
  const set: Record<string, string> = {}
  for (const stream of streamsIn(before)) {
    for (const [ref, { type, snapshotId: head }] of Object.entries(after.refs)) {
      const position = type === 'branch' ? positionIfKnown(before, { stream, ref }) : undefined
      if (position === undefined || positionIfKnown(after, { stream, ref }) !== undefined) continue
      const behind = [...ancestors(after, head)].at(-1)?.snapshotId
      if (behind !== undefined) set[streamProperty(stream, ref)] = stringifyJson({ ...position, ref, behind })
    }
  }
  return Object.keys(set).length === 0 ? [] : [{ action: 'set-properties', updates: set }]
}

function positionIfKnown(
  metadata: TableMetadata,
  { stream, ref }: { readonly stream: string; readonly ref: string },
): StreamPosition | undefined {
  try {
    return readStreamPosition(metadata, stream, ref)
  } catch (error) {
    if (isLakeError(error, 'conflict')) return undefined
    throw error
  }
}

/** The updates that forget the positions of a branch that goes: one made later under its name has another history. */
export function streamUpdatesForDrop(metadata: TableMetadata, ref: string): readonly TableUpdate[] {
  const removals = [...streamsIn(metadata)]
    .map(stream => streamProperty(stream, ref))
    .filter(name => Object.hasOwn(metadata.properties, name))
  return removals.length === 0 ? [] : [{ action: 'remove-properties', removals }]
}

/**
 * Where every stream stood at a snapshot, whichever branch it is on; streams that had not begun, or whose position
 * there was lost, are not in it.
 */
export function streamPositionsAt(
  metadata: TableMetadata,
  snapshotId: bigint | undefined,
): ReadonlyMap<string, StreamPosition> {
  const positions = new Map<string, StreamPosition>()
  for (const stream of streamsIn(metadata)) {
    const found = fromHistory(metadata, { stream, ref: MAIN_BRANCH, head: snapshotId })
    const position = 'oldest' in found ? beforeCut(metadata, { stream, ...found }) : found.position
    if (position !== undefined) positions.set(stream, position)
  }
  return positions
}

/** The properties that say on main where the streams stand. */
export function streamPropertiesOf(
  positions: ReadonlyMap<string, StreamPosition>,
): Readonly<Record<string, string>> {
  const named = [...positions].map(([stream, position]) => [
    streamProperty(stream),
    stringifyJson({ ...position, ref: MAIN_BRANCH }),
  ])
  return Object.fromEntries(named)
}

/** The steps that a snapshot carries, by stream. @throws corrupt */
export function streamStepsOf(snapshot: Snapshot): readonly StreamStep[] {
  return Object.entries(snapshot.summary).flatMap(([key, text]) => {
    if (!key.startsWith(PREFIX)) return []
    const { position, token } = parsePosition(text, key)
    return [{ stream: unescapeName(key.slice(PREFIX.length)), position, token }]
  })
}

/**
 * The steps of a stream that the kept history of a ref holds, newest first, each with its snapshot. A branch that does
 * not exist yet stands where main stands. @throws corrupt
 */
export function* streamHistory(
  metadata: TableMetadata,
  stream: string,
  ref: string,
): Generator<{ readonly snapshot: Snapshot; readonly step: StreamStep }> {
  const head = refByName(metadata, ref) ?? refByName(metadata, MAIN_BRANCH)
  const key = summaryKey(stream)
  for (const snapshot of ancestors(metadata, head?.snapshotId)) {
    const text = snapshot.summary[key]
    if (text === undefined) continue
    const { position, token } = parsePosition(text, key)
    yield { snapshot, step: { stream, position, token } }
  }
}

/** True for the properties that hold positions. */
export function isStreamProperty(name: string): boolean {
  return name.startsWith(PREFIX)
}

/**
 * Where expiry cut the history behind `oldest`: the newest position there that a branch of the same history has kept
 * in its property.
 */
function beforeCut(
  metadata: TableMetadata,
  query: { readonly stream: string; readonly oldest: Snapshot },
): StreamPosition | undefined {
  const { stream, oldest } = query
  let newest: StreamPosition | undefined
  for (const [ref, { snapshotId: head }] of Object.entries(metadata.refs)) {
    const name = streamProperty(stream, ref)
    const text = Object.hasOwn(metadata.properties, name) ? metadata.properties[name] : undefined
    if (text === undefined || !isAncestor(metadata, { ancestor: oldest.snapshotId, of: head })) continue
    const position = parsePosition(text, name)
    const isBehind =
      position.sequenceNumber <= oldest.sequenceNumber &&
      snapshotById(metadata, position.snapshotId) === undefined
    const isNewer = newest === undefined || position.sequenceNumber > newest.sequenceNumber
    if (isBehind && isNewer) newest = position
  }
  return newest
}

interface HistoryQuery {
  readonly stream: string
  readonly ref: string
  readonly head: bigint | undefined
}

/** The newest entry in the kept history; `position` undefined: the history is whole and has none; else where it was cut. */
function fromHistory(
  metadata: TableMetadata,
  query: HistoryQuery,
): { readonly position: StreamPosition | undefined } | { readonly oldest: Snapshot } {
  const key = summaryKey(query.stream)
  let oldest: Snapshot | undefined
  for (const snapshot of ancestors(metadata, query.head)) {
    const text = snapshot.summary[key]
    if (text !== undefined) return { position: ofSnapshot(parsePosition(text, key), snapshot, query.ref) }
    oldest = snapshot
  }
  if (oldest?.parentSnapshotId === undefined) return { position: undefined }
  return { oldest }
}

/** An entry copied by another tool into a snapshot of its own still tells the position, of that snapshot. */
function ofSnapshot(position: StreamPosition, snapshot: Snapshot, ref: string): StreamPosition {
  return { ...position, ref, snapshotId: snapshot.snapshotId, sequenceNumber: snapshot.sequenceNumber }
}

/** Without an entry in the kept history: what the property proves. `oldest` undefined: the history is whole. */
function fromProperty(
  metadata: TableMetadata,
  query: HistoryQuery & { readonly oldest: Snapshot | undefined },
): StreamPosition | undefined {
  const { stream, ref, head, oldest } = query
  const name = streamProperty(stream, ref)
  const text = Object.hasOwn(metadata.properties, name) ? metadata.properties[name] : undefined
  if (text === undefined) {
    if (oldest === undefined || !streamsIn(metadata).has(stream)) return undefined
    throw lost({
      stream,
      ref,
      reason: 'the stream wrote to another branch and the common history was expired',
    })
  }
  const position = parsePosition(text, name)
  if (oldest === undefined)
    throw lost({ stream, ref, reason: 'the ref was set to a state before the stream' })
  const { behind } = position
  const isNoted = behind !== undefined && head !== undefined
  if (isNoted && isAncestor(metadata, { ancestor: behind, of: head })) return { ...position, ref }
  if (snapshotById(metadata, position.snapshotId) !== undefined) {
    throw lost({ stream, ref, reason: 'the snapshot of the position is not in the history of the ref' })
  }
  if (position.sequenceNumber > oldest.sequenceNumber) {
    throw lost({ stream, ref, reason: 'the snapshot of the position was rolled back and expired' })
  }
  return { ...position, ref }
}

function lost(where: { stream: string; ref: string; reason: string }): LakeError {
  return new LakeError('conflict', 'the position of the stream was lost: set it anew with --reset-position', {
    context: where,
  })
}

/** Names of the streams that have a property, of any ref. */
function streamsIn(metadata: TableMetadata): ReadonlySet<string> {
  const streams = new Set<string>()
  for (const name of Object.keys(metadata.properties)) {
    if (!name.startsWith(PREFIX)) continue
    const [escaped] = name.slice(PREFIX.length).split('@')
    if (escaped !== undefined) streams.add(unescapeName(escaped))
  }
  return streams
}

/** True when the updates add a snapshot and set the ref to it. */
export function putsSnapshotOn(updates: readonly TableUpdate[], ref: string): boolean {
  return snapshotPutOn(updates, ref) !== undefined
}

function snapshotPutOn(updates: readonly TableUpdate[], ref: string): Snapshot | undefined {
  let head: bigint | undefined
  for (const update of updates) {
    if (update.action === 'set-snapshot-ref' && update.refName === ref) head = update.ref.snapshotId
  }
  for (const update of updates) {
    if (update.action === 'add-snapshot' && update.snapshot.snapshotId === head) return update.snapshot
  }
  return undefined
}

function withSummary(snapshot: Snapshot, entries: Readonly<Record<string, string>>): Snapshot {
  return { ...snapshot, summary: { ...snapshot.summary, ...entries } }
}

function parsePosition(text: string, name: string): StreamPosition {
  const json = parseJson(text)
  if (isJsonObject(json)) {
    const { ref, position, token } = json
    const snapshotId = wholeNumber(json.snapshotId)
    const sequenceNumber = wholeNumber(json.sequenceNumber)
    if (
      typeof ref === 'string' &&
      typeof token === 'string' &&
      position !== undefined &&
      snapshotId !== undefined &&
      sequenceNumber !== undefined
    ) {
      const behind = wholeNumber(json.behind)
      return { ref, position, token, snapshotId, sequenceNumber, ...(behind === undefined ? {} : { behind }) }
    }
  }
  throw new LakeError('corrupt', 'the stored position of a stream cannot be read', {
    context: { property: name },
  })
}

function wholeNumber(value: JsonValue | undefined): bigint | undefined {
  if (typeof value === 'bigint') return value
  return typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : undefined
}
