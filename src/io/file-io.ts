/**
 * The storage contract. A location is a full URI (`file:///...`, `memory://...`) or an absolute path.
 * One suite (`test/contract/file-io.ts`) judges every implementation.
 */

export interface FileStat {
  readonly location: string
  readonly sizeBytes: number
  readonly modifiedMs: number
  /** Changes whenever the content does; for `replace`. */
  readonly etag?: string
}

export interface ByteRange {
  readonly offset: number
  readonly lengthBytes: number
}

export interface IoOptions {
  readonly signal?: AbortSignal | undefined
}

export interface ReadOptions extends IoOptions {
  readonly range?: ByteRange | undefined
  /**
   * Memory for the bytes of the range, which may be shared with workers. The result is the filled part of it when the
   * range fits in; stores need not use it, and what it holds after a failure is undefined.
   */
  readonly into?: Uint8Array | undefined
}

/** A file being written. Nothing is visible under its location before `close` resolves. */
export interface FileWriter {
  /** Bytes accepted so far. */
  readonly sizeBytes: number
  /** Takes the bytes; the caller may not change them before the promise resolves. */
  write(bytes: Uint8Array): Promise<void>
  /** Makes the file durable and visible. */
  close(): Promise<void>
  /** Leaves nothing behind; harmless after `close` or another `abort`. */
  abort(): Promise<void>
}

/** One entry of a level: a file, or a folder that is not looked into. */
export type LevelEntry =
  | { readonly kind: 'file'; readonly file: FileStat }
  /** `location` has no slash at its end. */
  | { readonly kind: 'folder'; readonly location: string }

export interface DeleteReport {
  /** Locations that are gone now, those that were absent before included. */
  readonly deleted: readonly string[]
  readonly failed: readonly { readonly location: string; readonly reason: string }[]
}

export interface IoCapabilities {
  /** `create` and `replace` are atomic against every other client. */
  readonly conditionalWrites: boolean
}

export interface FileIO {
  readonly capabilities: IoCapabilities
  /**
   * The bytes of a file, or of one range of it. A range beyond the end gives what there is.
   * @throws not-found, denied, unavailable
   */
  read(location: string, options?: ReadOptions): Promise<Uint8Array>
  /** @throws not-found, denied, unavailable */
  stat(location: string, options?: IoOptions): Promise<FileStat>
  /**
   * Writes a file under a name that nobody else uses; durable when the promise resolves, absent or whole at any time.
   * @throws denied, unavailable (a full disk included)
   */
  write(location: string, bytes: Uint8Array, options?: IoOptions): Promise<void>
  /** Opens a streaming writer for a name that nobody else uses. */
  openWriter(location: string, options?: IoOptions): Promise<FileWriter>
  /** Creates the file unless one is there; exactly one of many concurrent callers gets `created`. */
  create(location: string, bytes: Uint8Array, options?: IoOptions): Promise<'created' | 'exists'>
  /** Replaces the file if its etag is still the given one. */
  replace(
    location: string,
    bytes: Uint8Array,
    options: IoOptions & { readonly etag: string },
  ): Promise<'replaced' | 'changed'>
  /** Files whose location begins with the prefix, folders walked to any depth, in no particular order. */
  list(prefix: string, options?: IoOptions): AsyncIterable<FileStat>
  /**
   * One level: as `list`, but what has a slash behind the prefix is told once, as the folder that it lies in. A prefix that
   * ends in a slash is a folder, and what lies right in it is listed. Costs by what is on the level, not by what lies
   * below it. A folder without files is told where the store knows of it.
   */
  listLevel(prefix: string, options?: IoOptions): AsyncIterable<LevelEntry>
  /** Deletes files; absent ones count as deleted. Never throws for a single file. */
  delete(locations: readonly string[], options?: IoOptions): Promise<DeleteReport>
}
