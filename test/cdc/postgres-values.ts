/** Texts of PostgreSQL's values by type, and the JSON that wal2json may write for them. */
import fc from 'fast-check'

const digits = (max: number): fc.Arbitrary<string> =>
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: max }).map(all => all.join(''))
const wildNumber = fc
  .tuple(
    fc.constantFrom('', '', '-'),
    digits(24),
    fc.option(digits(12)),
    fc.constantFrom('', '', '', 'e5', 'E-3', 'e+20'),
  )
  .map(
    ([sign, whole, fraction, exponent]) =>
      sign + whole + (fraction === null ? '' : `.${fraction}`) + exponent,
  )
const decimal = fc
  .tuple(fc.integer({ min: -99_999, max: 99_999 }), fc.constantFrom('', '.5', '.05', '.50', '.00', '.123'))
  .map(([whole, fraction]) => whole + fraction)
const padded = (value: number): string => String(value).padStart(2, '0')
const clock = fc
  .tuple(
    fc.integer({ min: 0, max: 24 }),
    fc.integer({ min: 0, max: 60 }),
    fc.integer({ min: 0, max: 60 }),
    fc.option(digits(7)),
  )
  .map(([h, m, s, f]) => [h, m, s].map(padded).join(':') + (f === null ? '' : `.${f}`))
const day = fc
  .tuple(
    fc.constantFrom('2024', '2023', '0001', '1969', '9999', '12024', '294276'),
    fc.integer({ min: 0, max: 13 }),
    fc.integer({ min: 0, max: 32 }),
  )
  .map(([y, m, d]) => `${y}-${padded(m)}-${padded(d)}`)
const zone = fc.constantFrom('+00', '+00', '+00', '-03:30', '+05:30:15', '', ' BC', '+00 BC')
const instant = fc.tuple(day, clock, zone).map(([d, c, z]) => `${d} ${c}${z}`)

/** Values of a type that are read, and such as may not be. */
export const POSTGRES_VALUES: readonly (readonly [
  type: string,
  usual: fc.Arbitrary<string>,
  wild: fc.Arbitrary<string>,
])[] = [
  ['integer', fc.integer().map(String), wildNumber],
  ['smallint', fc.integer({ min: -100, max: 100 }).map(String), fc.integer().map(String)],
  ['bigint', fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String), wildNumber],
  ['bigint', fc.integer().map(String), fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }).map(String)],
  ['numeric', decimal, wildNumber],
  ['numeric(12,2)', fc.integer({ min: -999, max: 999 }).map(cents => (cents / 100).toFixed(2)), decimal],
  ['numeric(38,10)', decimal, wildNumber],
  ['numeric(5,5)', fc.integer({ max: 99_999, min: 0 }).map(n => `0.${String(n).padStart(5, '0')}`), decimal],
  ['real', decimal, fc.oneof(wildNumber, fc.constant('NaN'))],
  ['double precision', decimal, fc.oneof(wildNumber, fc.constantFrom('NaN', '-Infinity'))],
  ['boolean', fc.constantFrom('true', 'false'), fc.constantFrom('t', 'f', 'maybe')],
  ['date', fc.constantFrom('2024-02-29', '1969-12-31', '0001-01-01'), fc.oneof(day, fc.constant('infinity'))],
  ['time without time zone', fc.constantFrom('00:00:00', '23:59:59.999999', '12:00:00.5'), clock],
  ['timestamp(3) without time zone', fc.constant('2024-02-29 23:59:59.999'), instant],
  [
    'timestamp with time zone',
    fc.constantFrom('1969-12-31 23:59:59.999999+00', '9999-12-31 00:00:00+00'),
    instant,
  ],
  ['bytea', fc.uint8Array().map(bytes => Buffer.from(bytes).toString('hex')), fc.string()],
  ['uuid', fc.uuid(), fc.string()],
  ['text', fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' })],
  ['character varying(40)', fc.string({ unit: 'grapheme-ascii' }), wildNumber],
  ['integer[]', fc.constantFrom('{}', '{1,NULL,3}'), fc.constantFrom('{{1}}', '{x}')],
  ['text[]', fc.constantFrom('{}', '{"a,b",NULL,"NULL","q\\"é"}'), fc.string()],
  ['Mood Q', fc.string(), wildNumber],
]

/** JSON text of a value: null, bare as numbers and booleans are, or a string with escapes of several kinds. */
export const json = (value: fc.Arbitrary<string>, form: string): fc.Arbitrary<string> =>
  value.map(text => {
    if (form === 'null') return 'null'
    if (form === 'bare' && /^-?\d+(\.\d+)?([eE][+-]?\d+)?$|^(true|false)$/.test(text)) return text
    const quoted = JSON.stringify(text)
    if (form === 'control') return quoted.replace(/^"/, '"\u0002')
    return form === 'escaped'
      ? quoted.replace(/[a-z](?![^\\]*\\)/, c => `\\u00${c.charCodeAt(0).toString(16)}`)
      : quoted
  })
