/** The updates that make a view, or give one that is there another definition. */
import type { Schema } from '../schema/types.js'
import { VIEW_LAST_ADDED, type ViewUpdate, type ViewVersion } from './view-metadata.js'

/** What a view means: what it selects, in one or more dialects, and the columns of that. */
export interface ViewDefinition {
  /** Its id means nothing: an equal schema that is there keeps its id. */
  readonly schema: Schema
  readonly version: Omit<ViewVersion, 'versionId' | 'schemaId'>
}

export interface NewView extends ViewDefinition {
  readonly uuid: string
  readonly location: string
  readonly properties?: Readonly<Record<string, string>> | undefined
}

const FIRST_VERSION = 1

/** For `applyViewUpdates(undefined, ...)` or a commit that requires `assert-create`. */
export function newViewUpdates(view: NewView): readonly ViewUpdate[] {
  return [
    { action: 'assign-uuid', uuid: view.uuid },
    { action: 'set-location', location: view.location },
    { action: 'set-properties', updates: view.properties ?? {} },
    ...replaceViewUpdates(view),
  ]
}

/** Another definition of a view that is there. The version's id is the next free one, or that of an equal version. */
export function replaceViewUpdates({ schema, version }: ViewDefinition): readonly ViewUpdate[] {
  const viewVersion = { ...version, versionId: FIRST_VERSION, schemaId: VIEW_LAST_ADDED }
  return [
    { action: 'add-schema', schema },
    { action: 'add-view-version', viewVersion },
    { action: 'set-current-view-version', viewVersionId: VIEW_LAST_ADDED },
  ]
}
