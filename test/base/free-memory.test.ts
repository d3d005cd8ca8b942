import { describe, expect, it } from 'vitest'
import { freeMemory } from '../../src/base/free-memory.js'

describe('memory that is freed', () => {
  it('is empty at once, in whatever is made on it', () => {
    for (let round = 0; round < 3; round++) {
      const bytes = new Uint8Array(2 ** 17).fill(7)
      const part = bytes.subarray(5, 9)
      freeMemory(bytes.buffer)
      expect(bytes.length).toBe(0)
      expect(part.length).toBe(0)
    }
  })
})
