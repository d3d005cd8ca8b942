export interface SeededRandom {
  next(): number
  /** An integer in [0, count). */
  below(count: number): number
  pick<T>(items: readonly T[]): T
  chance(share: number): boolean
  bytes(length: number): Uint8Array
}

export function createRandom(seed: number): SeededRandom

/** Seed of one input of a run. */
export function inputSeed(seed: number, input: number): number
