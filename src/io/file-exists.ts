import { isLakeError } from '../base/errors.js'
import type { FileIO, IoOptions } from './file-io.js'

/** Whether there is a file: a folder is none. One request. @throws denied, unavailable, aborted */
export async function fileExists(io: FileIO, location: string, options: IoOptions = {}): Promise<boolean> {
  try {
    await io.stat(location, options)
    return true
  } catch (error) {
    if (isLakeError(error, 'not-found')) return false
    throw error
  }
}
