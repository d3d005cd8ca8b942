/**
 * Views of a catalog: who decides which view metadata file is current. Tables and views share their names: neither
 * can be made where the other is. One suite (`test/contract/views.ts`) judges every implementation.
 */
import type { IoOptions } from '../io/file-io.js'
import type { ViewMetadata, ViewRequirement, ViewUpdate } from '../metadata/view-metadata.js'
import type { Namespace, TableIdentifier } from './identifier.js'

/** A view as of one metadata file. */
export interface LoadedView {
  readonly identifier: TableIdentifier
  readonly metadata: ViewMetadata
  readonly metadataLocation: string
}

export interface ViewCommit {
  readonly identifier: TableIdentifier
  /** `assert-create` makes a new view; without it the view has to be there. */
  readonly requirements: readonly ViewRequirement[]
  readonly updates: readonly ViewUpdate[]
}

export type ViewOutcome =
  | { readonly status: 'committed'; readonly view: LoadedView }
  /** Someone else won, or a requirement does not hold: certainly nothing of this commit landed. */
  | {
      readonly status: 'conflict'
      readonly requirement?: ViewRequirement | undefined
      readonly reason: string
      /** The state that was found, when the catalog had to load it. */
      readonly current?: LoadedView | undefined
    }
  /** It may have landed or may yet land; what could be found out by asking again was tried. Nothing may be deleted. */
  | { readonly status: 'unknown'; readonly cause: unknown }

export interface CatalogViews {
  /** @throws not-found for a missing namespace */
  list(namespace: Namespace, options?: IoOptions): Promise<readonly TableIdentifier[]>
  /** The current state, read consistently. @throws not-found (a table of that name too), corrupt, unavailable */
  load(identifier: TableIdentifier, options?: IoOptions): Promise<LoadedView>
  exists(identifier: TableIdentifier, options?: IoOptions): Promise<boolean>
  /** Removes the entry; files stay. @throws not-found */
  drop(identifier: TableIdentifier, options?: IoOptions): Promise<void>
  /** @throws not-found (view or namespace), already-exists (a table too) */
  rename(from: TableIdentifier, to: TableIdentifier, options?: IoOptions): Promise<void>
  /** Adds an entry for metadata that is there. @throws already-exists (a table too), not-found, corrupt */
  register(identifier: TableIdentifier, metadataLocation: string, options?: IoOptions): Promise<LoadedView>
  /**
   * Checks the requirements against the view's current state, writes the new metadata file and swaps the pointer.
   * A table of that name is a conflict when a view is made, else `not-found`.
   * @throws invalid-argument (updates that make no sense, a dialect that would be lost), not-found (view or
   * namespace), corrupt, denied, unavailable (before the swap only)
   */
  commit(change: ViewCommit, options?: IoOptions): Promise<ViewOutcome>
}
