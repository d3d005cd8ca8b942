/** A small seeded generator (mulberry32): the same numbers on every machine. */
export function createRandom(seed) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = count => Math.floor(next() * count)
  return {
    next,
    /** An integer in [0, count). */
    below,
    pick: items => items[below(items.length)],
    chance: share => next() < share,
    bytes: length => Uint8Array.from({ length }, () => below(256)),
  }
}

/** Seed of one input of a run. */
export function inputSeed(seed, input) {
  return (Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(input + 1, 0x85ebca6b)) >>> 0
}
