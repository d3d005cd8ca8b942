/** Breaking parts of a file: bytes, numbers, lists, anything in a tree of plain data, or in JSON. */

const NUMBERS = [
  0,
  1,
  2,
  3,
  7,
  8,
  9,
  31,
  32,
  33,
  64,
  127,
  128,
  255,
  256,
  65_535,
  2 ** 25,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 53 - 1,
]

/** A copy of the bytes with a few of them changed, added or taken away. */
export function brokenBytes(random, bytes) {
  if (bytes.length === 0) return random.bytes(1 + random.below(4))
  const at = random.below(bytes.length)
  const copy = Uint8Array.from(bytes)
  switch (random.below(7)) {
    case 0:
      copy[at] ^= 1 << random.below(8)
      return copy
    case 1:
      copy[at] = random.below(256)
      return copy
    case 2:
      copy[at] = random.pick([0, 0x7f, 0x80, 0xff])
      return copy
    case 3:
      return copy.subarray(0, at)
    case 4:
      return Buffer.concat([copy.subarray(0, at), random.bytes(1 + random.below(9)), copy.subarray(at)])
    case 5:
      return Buffer.concat([
        copy.subarray(0, at),
        copy.subarray(Math.min(copy.length, at + 1 + random.below(8))),
      ])
    default:
      copy.fill(random.pick([0, 0xff]), at, Math.min(copy.length, at + 1 + random.below(16)))
      return copy
  }
}

/** A copy of the tree with one thing in it changed. */
export function brokenTree(random, tree, change = brokenValue) {
  const places = []
  collect(tree, [], places)
  if (places.length === 0) return tree
  return replaced(tree, random.pick(places), value => change(random, value))
}

/** A copy of parsed JSON with one thing in it changed, often into something of another type. */
export function brokenJson(random, json) {
  return brokenTree(random, json, brokenJsonValue)
}

const JSON_TEXTS = [
  '',
  'struct',
  'list',
  'map',
  'int',
  'long',
  'string',
  'variant',
  'geometry(',
  'decimal(99,1)',
  'decimal(9,-1)',
  'fixed[99999999999]',
  'fixed[0]',
  'bucket[0]',
  'bucket[99999999999]',
  'truncate[-1]',
  'identity',
  'void',
  'main',
  'tag',
  '__proto__',
  'constructor',
  '\u0000',
  '\ud800',
]
const JSON_NUMBERS = [0, 1, -1, 1.5, 1e308, 2 ** 31, -(2 ** 31), 2 ** 53, 2n ** 63n, -(2n ** 63n), 10n ** 30n]

function brokenJsonValue(random, value) {
  if (random.chance(0.15)) return random.pick([null, true, 0, 'x', [], {}, [[]], { type: 'struct' }])
  if (typeof value === 'bigint') return random.pick([...JSON_NUMBERS, value + 1n, value - 1n, String(value)])
  if (typeof value === 'number')
    return random.pick([...JSON_NUMBERS, value + 1, value - 1, -value, String(value)])
  if (typeof value === 'string') return random.pick([...JSON_TEXTS, `${value}x`, value.slice(1)])
  return brokenValue(random, value)
}

function collect(value, path, places) {
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) {
    places.push(path)
    return
  }
  // Whole lists and structs too: an item may go missing or come twice.
  if (path.length > 0) places.push(path)
  if (value instanceof Map) return
  for (const [key, item] of Object.entries(value)) collect(item, [...path, key], places)
}

function replaced(value, [key, ...rest], change) {
  if (key === undefined) return change(value)
  const copy = Array.isArray(value) ? [...value] : { ...value }
  copy[key] = replaced(value[key], rest, change)
  return copy
}

function brokenValue(random, value) {
  if (typeof value === 'number') return brokenNumber(random, value)
  if (typeof value === 'boolean') return !value
  if (typeof value === 'string')
    return random.pick(['', 'list', 'array', 'key_value', `${value}x`, 'optional', 'repeated', 'required'])
  if (ArrayBuffer.isView(value)) return brokenBytes(random, value)
  if (Array.isArray(value)) return brokenList(random, value)
  if (value === undefined || value === null) return random.pick([0, 1, true, 7])
  // A struct loses a field, or goes altogether.
  const keys = Object.keys(value)
  if (keys.length === 0 || random.chance(0.3)) return undefined
  const lost = random.pick(keys)
  return Object.fromEntries(Object.entries(value).filter(([key]) => key !== lost))
}

function brokenNumber(random, value) {
  const changed = random.pick([value + 1, value - 1, value * 2, random.pick(NUMBERS), random.below(16)])
  return Math.max(0, changed)
}

function brokenList(random, list) {
  if (list.length === 0) return []
  const at = random.below(list.length)
  if (random.chance(0.4)) return list.filter((_, index) => index !== at)
  if (random.chance(0.5)) return [...list.slice(0, at), list[at], ...list.slice(at)]
  const other = random.below(list.length)
  return list.map((item, index) => (index === at ? list[other] : index === other ? list[at] : item))
}
