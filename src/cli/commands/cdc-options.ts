/** What the options of `serac cdc` have in common. */
import { fileLocation, UsageError } from '../session.js'
import type { Surroundings } from '../surroundings.js'

/** One of the allowed words. @throws UsageError with the message */
export function choice<T extends string>(given: string, allowed: readonly T[], message: string): T {
  const found = allowed.find(value => value === given)
  if (found === undefined) throw new UsageError(message, given)
  return found
}

/** The text of a file that an option names. @throws not-found */
export async function textOf(surroundings: Surroundings, path: string): Promise<string> {
  const { LakeError } = await import('../../index.js')
  try {
    return new TextDecoder().decode(await surroundings.readFile(fileLocation(surroundings, path)))
  } catch (cause) {
    throw new LakeError('not-found', 'the file of an option cannot be read', { cause, context: { path } })
  }
}
