/** The errors of the engine, caught for a look at their kind and context. */
import { isLakeError, type LakeError } from '../../src/base/errors.js'

/** What a call throws; undefined when it throws nothing. Errors that are not the engine's pass through. */
export function errorOf(call: () => unknown): LakeError | undefined {
  try {
    call()
  } catch (error) {
    if (isLakeError(error)) return error
    throw error
  }
  return undefined
}

export function kindOf(call: () => unknown): string | undefined {
  return errorOf(call)?.kind
}

/** What a promise is rejected with. */
export async function rejectionOf(promise: Promise<unknown>): Promise<LakeError | undefined> {
  try {
    await promise
  } catch (error) {
    if (isLakeError(error)) return error
    throw error
  }
  return undefined
}
