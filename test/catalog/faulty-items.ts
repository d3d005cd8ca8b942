/** A layer over a store of items that does to single writes what networks and busy tables do. */
import { LakeError } from '../../src/base/errors.js'
import type { ItemStore, ItemWrite, ItemWriteAnswer } from '../../src/catalog/dynamodb-store.js'

export type WriteFault =
  /** Never arrives; nobody knows. */
  | 'lose-request'
  /** Applied; nobody knows. */
  | 'lose-answer'
  /** Not applied yet, and nobody knows; `deliverLate()` brings it. */
  | 'late'
  /** Arrives twice; the second answer is seen. */
  | 'twice'
  /** Certainly not applied. */
  | 'busy'
  | undefined

export interface FaultyItems extends ItemStore {
  /** Writes that were sent so far, the faulty ones too. */
  readonly sent: readonly (readonly ItemWrite[])[]
  /** What is late arrives. */
  deliverLate(): Promise<readonly ItemWriteAnswer[]>
}

export function faultyItems(
  inner: ItemStore,
  decide: (writes: readonly ItemWrite[], n: number) => WriteFault | Promise<WriteFault>,
): FaultyItems {
  const sent: (readonly ItemWrite[])[] = []
  const late: (() => Promise<ItemWriteAnswer>)[] = []
  const lost: ItemWriteAnswer = {
    status: 'unknown',
    cause: new LakeError('unavailable', 'the answer was lost'),
  }
  return {
    ...inner,
    sent,
    async write(writes, options) {
      sent.push(writes)
      const arrive = (): Promise<ItemWriteAnswer> => inner.write(writes, options)
      switch (await decide(writes, sent.length - 1)) {
        case undefined:
          return arrive()
        case 'lose-request':
          return lost
        case 'lose-answer':
          await arrive()
          return lost
        case 'late':
          late.push(arrive)
          return lost
        case 'twice':
          await arrive()
          return arrive()
        case 'busy':
          return { status: 'busy', cause: new LakeError('unavailable', 'another transaction is at it') }
      }
    },
    deliverLate: () => Promise.all(late.splice(0).map(arrive => arrive())),
  }
}
