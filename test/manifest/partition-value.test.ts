import { describe, expect, it } from 'vitest'
import { partitionValueReader, partitionValueToAvro } from '../../src/manifest/partition-value.js'

describe('partition values', () => {
  it('of a transform that is not known are read as they are stored, and written only as text', () => {
    // Java's type for what an unknown transform gives is string.
    const type = { kind: 'string' } as const
    const stored = { kind: 'union', branches: [{ kind: 'null' }, { kind: 'int' }] } as const
    expect(partitionValueReader(stored, type)(7)).toBe(7)
    expect(partitionValueReader(stored, type)(null)).toBeNull()
    expect(partitionValueToAvro(type, 'x')).toBe('x')
    expect(partitionValueToAvro(type, null)).toBeNull()
    expect(() => partitionValueToAvro(type, 7)).toThrow(expect.objectContaining({ kind: 'unsupported' }))
  })
})
