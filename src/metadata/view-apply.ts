/**
 * Pure: view metadata in, view metadata out. An update that changes nothing gives back the same object, so "nothing
 * to commit" is `===`.
 *
 * Ids of a client that raced with another are not trusted: a schema or version that equals one that is there takes
 * its id, others get the next free one, and `VIEW_LAST_ADDED` means that id. Only the last change of the current
 * version in a list of updates is logged. Versions beyond `version.history.num-entries` are dropped, oldest ids
 * first, never the current one nor one just added; the log starts anew after an entry whose version is gone.
 * @see Iceberg view spec, "Versions", "Version log"; Iceberg REST catalog specification, "ViewUpdate"
 */
import { unreachable } from '../base/assert.js'
import { LakeError } from '../base/errors.js'
import { stringifyJson } from '../base/json.js'
import { trimTrailingSlash } from '../io/location.js'
import { checkSchema, sameSchema } from '../schema/schema.js'
import type { Schema } from '../schema/types.js'
import { property, propertyBoolean } from './properties.js'
import {
  VIEW_LAST_ADDED,
  type ViewLogEntry,
  type ViewMetadata,
  type ViewRepresentation,
  type ViewRequirement,
  type ViewUpdate,
  type ViewVersion,
} from './view-metadata.js'

/** Metadata on its way through a list of updates. */
interface Draft {
  readonly metadata: ViewMetadata
  readonly nowMs: number
  readonly addedVersionIds: ReadonlySet<number>
  /** What `VIEW_LAST_ADDED` means. */
  readonly lastAddedSchemaId?: number
  readonly lastAddedVersionId?: number
  readonly logEntry?: ViewLogEntry
}

/** Of a view that is being made: no version is current yet. */
const NO_VERSION = -1
const HISTORY_ENTRIES = 'version.history.num-entries'
const HISTORY_ENTRIES_DEFAULT = 10
const DROP_DIALECT = 'replace.drop-dialect.allowed'

/**
 * The metadata after all updates, in order; `base` itself when they change nothing. `base` undefined makes a new view.
 * @throws invalid-argument when the updates make no sense, or when the new definition lacks a dialect that the old one
 * has and `replace.drop-dialect.allowed` is not true
 */
export function applyViewUpdates(
  base: ViewMetadata | undefined,
  updates: readonly ViewUpdate[],
  options: { readonly nowMs: number },
): ViewMetadata {
  let draft: Draft = { metadata: base ?? EMPTY, nowMs: options.nowMs, addedVersionIds: new Set() }
  for (const update of updates) draft = applyUpdate(draft, update)
  return draft.metadata === base ? base : finish(base, draft)
}

/** The first requirement that does not hold, with the reason. `current` is undefined when the view is not there. */
export function firstBrokenOfView(
  requirements: readonly ViewRequirement[],
  current: ViewMetadata | undefined,
): { readonly requirement: ViewRequirement; readonly reason: string } | undefined {
  for (const requirement of requirements) {
    const reason = whyBroken(requirement, current)
    if (reason !== undefined) return { requirement, reason }
  }
  return undefined
}

function whyBroken(requirement: ViewRequirement, current: ViewMetadata | undefined): string | undefined {
  if (requirement.type === 'assert-create')
    return current === undefined ? undefined : 'the view exists already'
  if (current === undefined) return 'the view does not exist'
  return sameUuid(requirement.uuid, current.viewUuid)
    ? undefined
    : 'the view is another one: its uuid differs'
}

function sameUuid(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}

const EMPTY: ViewMetadata = {
  viewUuid: '',
  formatVersion: 1,
  location: '',
  schemas: [],
  currentVersionId: NO_VERSION,
  versions: [],
  versionLog: [],
  properties: {},
}

function invalid(message: string, context: Readonly<Record<string, string | number>> = {}): LakeError {
  return new LakeError('invalid-argument', message, { context })
}

function change(draft: Draft, members: Partial<ViewMetadata>): Draft {
  return { ...draft, metadata: { ...draft.metadata, ...members } }
}

function applyUpdate(draft: Draft, update: ViewUpdate): Draft {
  switch (update.action) {
    case 'assign-uuid':
      return assignUuid(draft, update.uuid)
    case 'upgrade-format-version':
      return draft
    case 'add-schema':
      return addSchema(draft, update.schema)
    case 'set-location':
      return setLocation(draft, update.location)
    case 'set-properties':
      return setProperties(draft, update.updates)
    case 'remove-properties':
      return removeProperties(draft, update.removals)
    case 'add-view-version':
      return addVersion(draft, update.viewVersion)
    case 'set-current-view-version':
      return setCurrentVersion(draft, update.viewVersionId)
    default:
      return unreachable(update)
  }
}

function assignUuid(draft: Draft, viewUuid: string): Draft {
  const { metadata } = draft
  if (metadata.viewUuid === '') return change(draft, { viewUuid })
  if (!sameUuid(metadata.viewUuid, viewUuid)) throw invalid('the uuid of a view does not change')
  return draft
}

function setLocation(draft: Draft, asked: string): Draft {
  const location = trimTrailingSlash(asked)
  return location === draft.metadata.location ? draft : change(draft, { location })
}

// ---- properties

function setProperties(draft: Draft, updates: Readonly<Record<string, string>>): Draft {
  const { properties } = draft.metadata
  const changed = Object.entries(updates).some(([name, value]) => property({ properties }, name) !== value)
  return changed ? change(draft, { properties: { ...properties, ...updates } }) : draft
}

function removeProperties(draft: Draft, removals: readonly string[]): Draft {
  const { properties } = draft.metadata
  const left = Object.entries(properties).filter(([name]) => !removals.includes(name))
  if (left.length === Object.keys(properties).length) return draft
  return change(draft, { properties: Object.fromEntries(left) })
}

// ---- schemas and versions

function addSchema(draft: Draft, schema: Schema): Draft {
  const { schemas } = draft.metadata
  const same = schemas.find(other => sameSchema(other, schema))
  if (same !== undefined) return { ...draft, lastAddedSchemaId: same.schemaId }
  checkSchema(schema)
  const schemaId = Math.max(-1, ...schemas.map(other => other.schemaId)) + 1
  return {
    ...change(draft, { schemas: [...schemas, { ...schema, schemaId }] }),
    lastAddedSchemaId: schemaId,
  }
}

function addVersion(draft: Draft, asked: ViewVersion): Draft {
  const { schemas, versions } = draft.metadata
  const schemaId = resolveId(asked.schemaId, draft.lastAddedSchemaId)
  const same = versions.find(other => sameVersion(other, { ...asked, schemaId }))
  if (same !== undefined) return { ...draft, lastAddedVersionId: same.versionId }
  if (!schemas.some(schema => schema.schemaId === schemaId))
    throw invalid('the schema is not there', { schemaId })
  checkDialects(asked)
  const versionId = Math.max(asked.versionId, 1 + Math.max(...versions.map(other => other.versionId)))
  return {
    ...change(draft, { versions: [...versions, { ...asked, versionId, schemaId }] }),
    addedVersionIds: new Set([...draft.addedVersionIds, versionId]),
    lastAddedVersionId: versionId,
  }
}

/** The id that `VIEW_LAST_ADDED` stands for, or the id itself. */
function resolveId(id: number, lastAdded: number | undefined): number {
  if (id !== VIEW_LAST_ADDED) return id
  if (lastAdded === undefined) throw invalid('nothing was added that the last added id could mean')
  return lastAdded
}

function setCurrentVersion(draft: Draft, asked: number): Draft {
  const { metadata, nowMs } = draft
  const versionId = resolveId(asked, draft.lastAddedVersionId)
  const version = metadata.versions.find(other => other.versionId === versionId)
  if (version === undefined) throw invalid('the version of the view is not there', { versionId })
  if (versionId === metadata.currentVersionId) return draft
  const timestampMs = draft.addedVersionIds.has(versionId) ? version.timestampMs : nowMs
  return { ...change(draft, { currentVersionId: versionId }), logEntry: { timestampMs, versionId } }
}

/** Whether two versions define the same view; id and time aside. */
function sameVersion(a: ViewVersion, b: ViewVersion): boolean {
  return (
    a.schemaId === b.schemaId &&
    a.defaultCatalog === b.defaultCatalog &&
    sameItems(a.defaultNamespace, b.defaultNamespace) &&
    sameText(a.summary, b.summary) &&
    sameItems(a.representations.map(representationKey), b.representations.map(representationKey))
  )
}

function sameItems(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index])
}

function sameText(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a)
  return (
    names.length === Object.keys(b).length &&
    names.every(name => Object.hasOwn(b, name) && a[name] === b[name])
  )
}

function representationKey(representation: ViewRepresentation): string {
  return representation.kind === 'sql'
    ? JSON.stringify([representation.dialect, representation.sql])
    : stringifyJson(representation.json)
}

// ---- dialects

function dialectsOf(version: ViewVersion): readonly string[] {
  return version.representations.flatMap(each => (each.kind === 'sql' ? [each.dialect.toLowerCase()] : []))
}

function checkDialects(version: ViewVersion): void {
  const dialects = dialectsOf(version)
  const twice = dialects.find((dialect, index) => dialects.indexOf(dialect) !== index)
  if (twice !== undefined) throw invalid('a view has one definition per dialect', { dialect: twice })
}

/** Engines of a dialect that is gone could not read the view any more. */
function checkDialectsKept(base: ViewMetadata, next: ViewMetadata): void {
  if (propertyBoolean(next, DROP_DIALECT, false)) return
  const kept = new Set(dialectsOf(currentVersion(next)))
  const lost = dialectsOf(currentVersion(base)).find(dialect => !kept.has(dialect))
  if (lost !== undefined)
    throw invalid('the new definition of the view lacks a dialect that it had', {
      dialect: lost,
      allowedBy: DROP_DIALECT,
    })
}

/** The definition in force. @throws invalid-argument when none was set */
export function currentVersion(metadata: ViewMetadata): ViewVersion {
  const { versions, currentVersionId } = metadata
  const current = versions.find(version => version.versionId === currentVersionId)
  if (current === undefined) throw invalid('a view needs a current version')
  return current
}

// ---- after

function finish(base: ViewMetadata | undefined, draft: Draft): ViewMetadata {
  const { metadata, logEntry } = draft
  if (metadata.viewUuid === '') throw invalid('a view needs a uuid')
  if (metadata.location === '') throw invalid('a view needs a location')
  currentVersion(metadata)
  if (base !== undefined) checkDialectsKept(base, metadata)
  const versionLog = logEntry === undefined ? metadata.versionLog : [...metadata.versionLog, logEntry]
  return trimVersions({ ...metadata, versionLog }, draft.addedVersionIds)
}

function trimVersions(metadata: ViewMetadata, added: ReadonlySet<number>): ViewMetadata {
  const { versions, currentVersionId } = metadata
  const countMax = Math.max(historyEntriesMax(metadata), new Set([...added, currentVersionId]).size)
  if (versions.length <= countMax) return metadata
  const others = versions.map(version => version.versionId).filter(id => id !== currentVersionId)
  const newest = others.sort((a, b) => b - a).slice(0, countMax - 1)
  const kept = new Set([currentVersionId, ...newest])
  return {
    ...metadata,
    versions: versions.filter(version => kept.has(version.versionId)),
    versionLog: logOf(metadata.versionLog, kept),
  }
}

function historyEntriesMax(metadata: ViewMetadata): number {
  const text = property(metadata, HISTORY_ENTRIES)?.trim()
  if (text === undefined) return HISTORY_ENTRIES_DEFAULT
  const count = /^\+?\d{1,9}$/.test(text) ? Number(text) : 0
  if (count < 1) throw invalid('a property must be a positive number', { property: HISTORY_ENTRIES })
  return count
}

/** What follows the last entry of a version that is gone. */
function logOf(log: readonly ViewLogEntry[], kept: ReadonlySet<number>): readonly ViewLogEntry[] {
  return log.slice(log.findLastIndex(entry => !kept.has(entry.versionId)) + 1)
}
