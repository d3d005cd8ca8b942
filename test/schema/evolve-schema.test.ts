import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  applySchemaChanges,
  type EvolvedSchema,
  type EvolveSchemaOptions,
  type SchemaChange,
} from '../../src/schema/evolve-schema.js'
import { checkSchema, fieldById, fieldPath, highestFieldId, indexFields } from '../../src/schema/schema.js'
import type { Field, Schema, Type } from '../../src/schema/types.js'
import { unionByName } from '../../src/schema/union-by-name.js'
import { errorOf } from '../support/errors.js'
import { anyFields, anySchema } from './arbitrary.js'

const INT: Type = { kind: 'int' }
const LONG: Type = { kind: 'long' }
const STRING: Type = { kind: 'string' }

function field(id: number, name: string, type: Type, more: Partial<Field> = {}): Field {
  return { id, name, required: false, type, ...more }
}

/** id, place {x, y}, path [{lat}], prices {string: {amount}}, n */
const SCHEMA: Schema = {
  schemaId: 3,
  identifierFieldIds: [1],
  fields: [
    field(1, 'id', LONG, { required: true }),
    field(2, 'place', { kind: 'struct', fields: [field(6, 'x', INT), field(7, 'y', INT)] }),
    field(3, 'path', {
      kind: 'list',
      elementId: 8,
      elementRequired: false,
      element: { kind: 'struct', fields: [field(9, 'lat', { kind: 'float' })] },
    }),
    field(4, 'prices', {
      kind: 'map',
      keyId: 10,
      key: { kind: 'struct', fields: [field(12, 'code', STRING)] },
      valueId: 11,
      valueRequired: false,
      value: { kind: 'struct', fields: [field(13, 'amount', { kind: 'decimal', precision: 9, scale: 2 })] },
    }),
    field(5, 'n', INT),
  ],
}

function evolve(changes: readonly SchemaChange[], options: Partial<EvolveSchemaOptions> = {}): EvolvedSchema {
  return applySchemaChanges(SCHEMA, changes, { lastColumnId: 20, formatVersion: 3, ...options })
}

/** Dotted names with ids, depth first. */
function named({ schema }: EvolvedSchema): readonly string[] {
  return [...indexFields(schema).keys()].map(id => `${id} ${fieldPath(schema, id)?.join('.')}`)
}

function refusal(changes: readonly SchemaChange[], options: Partial<EvolveSchemaOptions> = {}): string {
  const error = errorOf(() => evolve(changes, options))
  expect(error?.kind).toBe('invalid-argument')
  return error?.message ?? ''
}

describe('adding columns', () => {
  it('gives fresh ids: the column first, then what is inside, in the order of Java', () => {
    const type: Type = {
      kind: 'struct',
      fields: [
        field(1, 'a', { kind: 'list', elementId: 1, elementRequired: true, element: INT }),
        field(2, 'b', INT),
      ],
    }
    const evolved = evolve([{ kind: 'add-column', name: 'extra', type }])
    expect(named(evolved).slice(-4)).toEqual(['21 extra', '22 extra.a', '24 extra.a.element', '23 extra.b'])
    expect(evolved.lastColumnId).toBe(24)
    expect(evolved.schema.schemaId).toBe(3)
  })

  it('goes into structs, the elements of lists and the values of maps', () => {
    const names = named(
      evolve([
        { kind: 'add-column', parent: 'place', name: 'z', type: INT },
        { kind: 'add-column', parent: 'path', name: 'lon', type: INT },
        { kind: 'add-column', parent: 'prices.value', name: 'currency', type: STRING },
      ]),
    )
    expect(names).toContain('21 place.z')
    expect(names).toContain('22 path.element.lon')
    expect(names).toContain('23 prices.value.currency')
  })

  it('takes a place: first, before or after a column of the same struct', () => {
    const { schema } = evolve([
      { kind: 'add-column', name: 'a', type: INT, position: 'first' },
      { kind: 'add-column', name: 'b', type: INT, position: { after: 'id' } },
      { kind: 'add-column', name: 'c', type: INT, position: { before: 'b' } },
    ])
    expect(schema.fields.map(each => each.name)).toEqual([
      ...['a', 'id', 'c', 'b', 'place', 'path', 'prices', 'n'],
    ])
  })

  it('with a default sets both defaults, and the write default alone where it is given', () => {
    const { schema } = evolve([
      { kind: 'add-column', name: 'a', type: INT, required: true, initialDefault: 7 },
      { kind: 'add-column', name: 'b', type: LONG, initialDefault: type => (type.kind === 'long' ? 1n : 1) },
      { kind: 'add-column', name: 'c', type: INT, writeDefault: 3 },
    ])
    expect(schema.fields.slice(-3)).toMatchObject([
      { required: true, initialDefault: 7, writeDefault: 7 },
      { initialDefault: 1n, writeDefault: 1n },
      { writeDefault: 3 },
    ])
    expect(schema.fields.at(-1)).not.toHaveProperty('initialDefault')
  })

  it('as required without a default is refused, unless everything is allowed', () => {
    const change = { kind: 'add-column', name: 'a', type: INT, required: true } as const
    expect(refusal([change])).toContain('default')
    expect(
      refusal([
        { ...change, required: false },
        { kind: 'set-required', column: 'a' },
      ]),
    ).toContain('default')
    expect(refusal([change], { incompatible: 'required' })).toContain('default')
    expect(evolve([change], { incompatible: 'all' }).schema.fields.at(-1)?.required).toBe(true)
  })

  it('of a name that is there, or into what is no struct or a key, is refused', () => {
    expect(refusal([{ kind: 'add-column', name: 'n', type: INT }])).toContain('there already')
    expect(refusal([{ kind: 'add-column', parent: 'place', name: 'x', type: INT }])).toContain(
      'there already',
    )
    expect(refusal([{ kind: 'add-column', parent: 'n', name: 'x', type: INT }])).toContain('structs only')
    expect(refusal([{ kind: 'add-column', parent: 'nowhere', name: 'x', type: INT }])).toContain('not in')
    expect(refusal([{ kind: 'add-column', parent: 'prices.key', name: 'x', type: INT }])).toContain('key')
    expect(refusal([{ kind: 'add-column', name: 'N', type: INT }], { caseSensitive: false })).toContain(
      'there',
    )
    expect(named(evolve([{ kind: 'add-column', name: 'n', type: INT, ifNotExists: true }]))).toEqual(
      named(evolve([])),
    )
  })

  it('of a type or a default that the format version does not have is refused', () => {
    const variant = { kind: 'add-column', name: 'v', type: { kind: 'variant' } } as const
    const initial = { kind: 'add-column', name: 'v', type: INT, initialDefault: 1 } as const
    expect(refusal([variant], { formatVersion: 2 })).toContain('version 3')
    expect(refusal([initial], { formatVersion: 2 })).toContain('version 3')
    expect(evolve([variant, { ...initial, name: 'w' }]).schema.fields).toHaveLength(7)
  })
})

describe('dropping columns', () => {
  it('never gives their ids again', () => {
    const evolved = evolve([
      { kind: 'drop-column', column: 'n' },
      { kind: 'drop-column', column: 'place.x' },
      { kind: 'add-column', name: 'n', type: STRING },
    ])
    expect(named(evolved)).not.toContain('6 place.x')
    expect(named(evolved).at(-1)).toBe('21 n')
  })

  it('of the key, of a part of a list or map, or of the last one is refused', () => {
    expect(refusal([{ kind: 'drop-column', column: 'id' }])).toContain('identifier')
    expect(refusal([{ kind: 'drop-column', column: 'path.element' }])).toContain('parts')
    expect(refusal([{ kind: 'drop-column', column: 'prices.value' }])).toContain('parts')
    expect(refusal([{ kind: 'drop-column', column: 'prices.key.code' }])).toContain('key')
    expect(refusal([{ kind: 'drop-column', column: 'path.lat' }])).toContain('last column')
    expect(refusal([{ kind: 'drop-column', column: 'nowhere' }])).toContain('not in')
    expect(named(evolve([{ kind: 'drop-column', column: 'nowhere', ifExists: true }]))).toEqual(
      named(evolve([])),
    )
  })

  it('that other changes of the call touch is refused', () => {
    const drop = { kind: 'drop-column', column: 'n' } as const
    expect(refusal([{ kind: 'set-doc', column: 'n', doc: 'x' }, drop])).toContain('both')
    expect(refusal([drop, { kind: 'rename-column', column: 'n', to: 'm' }])).toContain('not in')
    expect(
      refusal([
        { kind: 'rename-column', column: 'n', to: 'm' },
        { kind: 'drop-column', column: 'm' },
      ]),
    ).toContain('both')
    expect(
      refusal([
        { kind: 'add-column', parent: 'place', name: 'z', type: INT },
        { kind: 'drop-column', column: 'place' },
      ]),
    ).toContain('both')
  })

  it('of the key works when it is taken out of the identifier fields, before or behind', () => {
    const drop: SchemaChange = { kind: 'drop-column', column: 'id' }
    const unset: SchemaChange = { kind: 'drop-identifier-fields', columns: ['id'] }
    expect(evolve([unset, drop]).schema.identifierFieldIds).toEqual([])
    expect(evolve([drop, { kind: 'set-identifier-fields', columns: [] }]).schema.fields).toHaveLength(4)
  })
})

describe('changing columns', () => {
  it('renames keep the id and may pass names on', () => {
    const names = named(
      evolve([
        { kind: 'rename-column', column: 'n', to: 'm' },
        { kind: 'rename-column', column: 'place.x', to: 'n' },
        { kind: 'add-column', name: 'n', type: INT },
      ]),
    )
    expect(names).toContain('5 m')
    expect(names).toContain('6 place.n')
    expect(names).toContain('21 n')
  })

  it('renames to a taken name, of parts and inside keys are refused', () => {
    expect(refusal([{ kind: 'rename-column', column: 'n', to: 'id' }])).toContain('there already')
    expect(refusal([{ kind: 'rename-column', column: 'path.element', to: 'x' }])).toContain('no name')
    expect(refusal([{ kind: 'rename-column', column: 'prices.key.code', to: 'x' }])).toContain('key')
  })

  it('types are promoted, with their defaults, at every depth', () => {
    const schema: Schema = {
      ...SCHEMA,
      fields: [...SCHEMA.fields, field(20, 'd', INT, { initialDefault: 1, writeDefault: 2 })],
    }
    const evolved = applySchemaChanges(
      schema,
      [
        { kind: 'change-type', column: 'd', type: LONG },
        { kind: 'change-type', column: 'path.lat', type: { kind: 'double' } },
        { kind: 'change-type', column: 'prices.amount', type: { kind: 'decimal', precision: 12, scale: 2 } },
      ],
      { lastColumnId: 20, formatVersion: 3 },
    )
    expect(fieldById(evolved.schema, 20)).toMatchObject({ type: LONG, initialDefault: 1n, writeDefault: 2n })
    expect(fieldById(evolved.schema, 9)?.type).toEqual({ kind: 'double' })
    expect(fieldById(evolved.schema, 13)?.type).toMatchObject({ precision: 12 })
  })

  it('types that are no promotion are refused', () => {
    expect(refusal([{ kind: 'change-type', column: 'id', type: INT }])).toContain('type')
    expect(refusal([{ kind: 'change-type', column: 'n', type: STRING }])).toContain('type')
    expect(refusal([{ kind: 'change-type', column: 'place', type: STRING }])).toContain('type')
    expect(
      refusal([
        { kind: 'change-type', column: 'prices.amount', type: { kind: 'decimal', precision: 12, scale: 3 } },
      ]),
    ).toContain('type')
  })

  it('become required only for a caller that looks at the rows, and are named to it', () => {
    const change: SchemaChange = { kind: 'set-required', column: 'place.x' }
    expect(refusal([change])).toContain('nulls')
    const evolved = evolve([change, { kind: 'set-optional', column: 'n' }], { incompatible: 'required' })
    expect(evolved.newlyRequired).toEqual([6])
    expect(evolve([{ kind: 'set-required', column: 'id' }]).newlyRequired).toEqual([])
    expect(refusal([{ kind: 'set-optional', column: 'id' }])).toContain('required')
    expect(evolve([{ kind: 'set-required', column: 'path.element' }], { incompatible: 'all' })).toMatchObject(
      {
        newlyRequired: [8],
      },
    )
  })

  it('docs and defaults come and go', () => {
    const changes: SchemaChange[] = [
      { kind: 'set-doc', column: 'n', doc: 'a number' },
      { kind: 'set-default', column: 'n', value: 5 },
    ]
    expect(fieldById(evolve(changes).schema, 5)).toMatchObject({ doc: 'a number', writeDefault: 5 })
    const back = evolve([
      ...changes,
      { kind: 'set-doc', column: 'n', doc: undefined },
      { kind: 'set-default', column: 'n', value: undefined },
    ])
    expect(fieldById(back.schema, 5)).toEqual(fieldById(SCHEMA, 5))
  })

  it('move within their struct only', () => {
    const { schema } = evolve([
      { kind: 'move-column', column: 'n', to: 'first' },
      { kind: 'move-column', column: 'place.y', to: { before: 'place.x' } },
      { kind: 'move-column', column: 'id', to: { after: 'prices' } },
    ])
    expect(schema.fields.map(each => each.name)).toEqual(['n', 'place', 'path', 'prices', 'id'])
    expect(schema.fields[1]?.type).toMatchObject({ fields: [{ name: 'y' }, { name: 'x' }] })
    expect(refusal([{ kind: 'move-column', column: 'n', to: { before: 'place.x' } }])).toContain('struct')
    expect(refusal([{ kind: 'move-column', column: 'n', to: { after: 'n' } }])).toContain('struct')
    expect(refusal([{ kind: 'move-column', column: 'path.element', to: 'first' }])).toContain('parts')
  })
})

describe('identifier fields', () => {
  it('are set, added and dropped, and must be required', () => {
    const required = { incompatible: 'required' } as const
    const set = evolve(
      [
        { kind: 'set-required', column: 'n' },
        { kind: 'set-identifier-fields', columns: ['n'] },
        { kind: 'add-identifier-fields', columns: ['id'] },
      ],
      required,
    )
    expect(set.schema.identifierFieldIds).toEqual([5, 1])
    expect(refusal([{ kind: 'set-identifier-fields', columns: ['n'] }])).toContain('required')
    expect(refusal([{ kind: 'drop-identifier-fields', columns: ['n'] }])).toContain('no identifier')
    expect(refusal([{ kind: 'set-identifier-fields', columns: ['nowhere'] }])).toContain('not in')
  })
})

describe('the union by name', () => {
  it('adds, widens, makes optional and takes docs, and drops nothing', () => {
    const theirs: Field[] = [
      field(1, 'n', LONG, { doc: 'wide' }),
      field(2, 'id', INT, { required: false }),
      field(3, 'place', { kind: 'struct', fields: [field(4, 'z', INT, { required: true })] }),
      field(5, 'path', {
        kind: 'list',
        elementId: 6,
        elementRequired: false,
        element: { kind: 'struct', fields: [field(7, 'lat', { kind: 'double' }), field(8, 'lon', INT)] },
      }),
      field(9, 'fresh', STRING, { required: true }),
    ]
    const evolved = evolve([
      { kind: 'set-identifier-fields', columns: [] },
      { kind: 'union-by-name', fields: theirs },
    ])
    expect(fieldById(evolved.schema, 5)).toMatchObject({ type: LONG, doc: 'wide' })
    // An int fits where a long is.
    expect(fieldById(evolved.schema, 1)).toMatchObject({ type: LONG, required: false })
    expect(fieldById(evolved.schema, 9)?.type).toEqual({ kind: 'double' })
    expect(named(evolved)).toEqual(
      expect.arrayContaining(['21 place.z', '22 path.element.lon', '23 fresh', '7 place.y']),
    )
    expect(fieldById(evolved.schema, 23)?.required).toBe(false)
  })

  it('of types that have none is refused', () => {
    expect(refusal([{ kind: 'union-by-name', fields: [field(1, 'n', STRING)] }])).toContain('type')
    expect(refusal([{ kind: 'union-by-name', fields: [field(1, 'place', STRING)] }])).toContain('union')
  })

  it('of a schema with itself, and again with what it became, is no change', () => {
    fc.assert(
      fc.property(anySchema(), schema => {
        expect(unionByName(schema, schema.fields)).toEqual([])
      }),
    )
  })

  it('with other columns has all of both, and ids that were never given', () => {
    fc.assert(
      fc.property(anySchema(), anyFields(), (schema, fields) => {
        const lastColumnId = highestFieldId(schema) + 5
        let evolved: EvolvedSchema
        try {
          evolved = applySchemaChanges(schema, [{ kind: 'union-by-name', fields }], {
            lastColumnId,
            formatVersion: 3,
          })
        } catch {
          return
        }
        checkSchema(evolved.schema)
        const names = evolved.schema.fields.map(each => each.name)
        expect(names).toEqual(expect.arrayContaining([...schema.fields, ...fields].map(each => each.name)))
        const before = indexFields(schema)
        for (const id of indexFields(evolved.schema).keys())
          expect(before.has(id) || id > lastColumnId).toBe(true)
        for (const id of before.keys()) expect(fieldById(evolved.schema, id)).toBeDefined()
      }),
    )
  })
})
