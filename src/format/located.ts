/** Errors of parsers that see bytes and not files: the reader of the file adds where it was. */
import { LakeError } from '../base/errors.js'

/** Runs the parser; an error that leaves it without a location gets this one. */
export function located<T>(location: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof LakeError) || 'location' in error.context) throw error
    throw new LakeError(error.kind, error.message, {
      context: { location, ...error.context },
      cause: error.cause ?? error,
    })
  }
}
