import { describe, expect, it } from 'vitest'
import { parseNameMapping } from '../../src/reader/name-mapping.js'

describe('name mapping', () => {
  it('finds columns by any of their names, at any depth', () => {
    const mapping = parseNameMapping(
      `[{"field-id":1,"names":["id","record_id"]},
        {"field-id":2,"names":["tags"],"fields":[{"field-id":3,"names":["element"]}]},
        {"field-id":4,"names":["m"],"fields":[{"field-id":5,"names":["key"]},{"field-id":6,"names":["value"],
          "fields":[{"field-id":7,"names":["x"]}]}]}]`,
    )
    expect(mapping(['id'])).toBe(1)
    expect(mapping(['record_id'])).toBe(1)
    expect(mapping(['tags', 'element'])).toBe(3)
    expect(mapping(['m', 'value', 'x'])).toBe(7)
  })

  it('knows nothing of other columns, of entries without id and of empty name lists', () => {
    const mapping = parseNameMapping(
      '[{"names":["a"],"fields":[{"field-id":2,"names":["b"]}]},{"field-id":3,"names":[]}]',
    )
    expect(mapping(['a'])).toBeUndefined()
    expect(mapping(['a', 'b'])).toBe(2)
    expect(mapping(['z'])).toBeUndefined()
    expect(mapping(['z', 'b'])).toBeUndefined()
  })

  it.each([
    'not json',
    '{"names":["a"]}',
    '[1]',
    '[{"field-id":1}]',
    '[{"field-id":"1","names":["a"]}]',
    '[{"field-id":1,"names":[1]}]',
    '[{"field-id":1,"names":["a"]},{"field-id":2,"names":["a"]}]',
    '[{"field-id":1,"names":["a"],"fields":{}}]',
  ])('refuses the malformed mapping %s', text => {
    expect(() => parseNameMapping(text)).toThrow(expect.objectContaining({ kind: 'corrupt' }))
  })
})
