import { isLakeError } from '../../src/base/errors.js'

/** The kind of what is thrown. */
export function kindOf(run: () => unknown): string {
  try {
    run()
    return 'nothing was thrown'
  } catch (error) {
    return isLakeError(error) ? error.kind : `not a LakeError: ${String(error)}`
  }
}
