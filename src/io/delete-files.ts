/** Deleting files of a store: a great many of them, and those whose fate changes nothing. */
import type { DeleteReport, FileIO, IoOptions } from './file-io.js'

const FILES_AT_ONCE = 1_000

/** Deletes in the given order, a thousand at a time: the report of each thousand. @throws as `FileIO.delete` */
export async function* deleteInBatches(
  io: FileIO,
  locations: readonly string[],
  options: IoOptions,
): AsyncGenerator<DeleteReport> {
  for (let from = 0; from < locations.length; from += FILES_AT_ONCE)
    yield await io.delete(locations.slice(from, from + FILES_AT_ONCE), options)
}

/** Deletes files that nothing names, as far as that can be done: what stays is an orphan. Never throws. */
export async function deleteQuietly(io: FileIO, locations: readonly string[]): Promise<void> {
  if (locations.length === 0) return
  try {
    await io.delete(locations)
  } catch {
    // Orphan removal finds it.
  }
}
