/**
 * A layer that fails on demand: full disks, lost answers, crashes at every step. An ordinary implementation of
 * the contract, so the product needs no switch for tests.
 */
import { errnoOf, storageError } from './errno.js'
import type { FileIO, FileWriter } from './file-io.js'
import type { IoVerb } from './metered.js'

export type FailingVerb = IoVerb | 'writer-write' | 'writer-close' | 'writer-abort'

export interface FailingCall {
  readonly verb: FailingVerb
  /** The location or prefix; of a delete the first one. */
  readonly location: string
  /** `before`: the request never reached storage. `after`: it took effect, and its answer is lost. */
  readonly phase: 'before' | 'after'
}

/**
 * Asked twice for each call. An error that comes back is thrown (one with an errno code as the LakeError that
 * a store would throw); a promise that never settles is a process that died there.
 */
export type FailureDecision = (call: FailingCall) => Error | undefined | Promise<Error | undefined>

export function failingIO(inner: FileIO, decide: FailureDecision): FileIO {
  const check = async (verb: FailingVerb, location: string, phase: 'before' | 'after'): Promise<void> => {
    const error = await decide({ verb, location, phase })
    if (error !== undefined) throw errnoOf(error) === undefined ? error : storageError(error, location)
  }
  const around = async <T>(verb: FailingVerb, location: string, work: () => Promise<T>): Promise<T> => {
    await check(verb, location, 'before')
    const result = await work()
    await check(verb, location, 'after')
    return result
  }
  return {
    capabilities: inner.capabilities,
    read: (location, options) => around('read', location, () => inner.read(location, options)),
    stat: (location, options) => around('stat', location, () => inner.stat(location, options)),
    write: (location, bytes, options) =>
      around('write', location, () => inner.write(location, bytes, options)),
    openWriter: (location, options) =>
      around('openWriter', location, async () =>
        failingWriter(await inner.openWriter(location, options), (verb, work) =>
          around(verb, location, work),
        ),
      ),
    create: (location, bytes, options) =>
      around('create', location, () => inner.create(location, bytes, options)),
    replace: (location, bytes, options) =>
      around('replace', location, () => inner.replace(location, bytes, options)),
    async *list(prefix, options) {
      await check('list', prefix, 'before')
      yield* inner.list(prefix, options)
      await check('list', prefix, 'after')
    },
    async *listLevel(prefix, options) {
      await check('list', prefix, 'before')
      yield* inner.listLevel(prefix, options)
      await check('list', prefix, 'after')
    },
    delete: (locations, options) =>
      around('delete', locations[0] ?? '', () => inner.delete(locations, options)),
  }
}

function failingWriter(
  inner: FileWriter,
  around: (verb: FailingVerb, work: () => Promise<void>) => Promise<void>,
): FileWriter {
  return {
    get sizeBytes() {
      return inner.sizeBytes
    },
    write: bytes => around('writer-write', () => inner.write(bytes)),
    close: () => around('writer-close', () => inner.close()),
    abort: () => around('writer-abort', () => inner.abort()),
  }
}
