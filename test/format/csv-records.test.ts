/** CSV as it comes from elsewhere, cut into pieces anywhere. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { collect } from '../../src/base/concurrency.js'
import { type CsvDialect, csvRecords } from '../../src/format/csv-records.js'

async function* pieces(text: string, lengths: readonly number[] = []): AsyncGenerator<string> {
  let at = 0
  for (const length of lengths) {
    if (at >= text.length) return
    yield text.slice(at, at + length)
    at += length
  }
  if (at < text.length) yield text.slice(at)
}

async function records(text: string, dialect: CsvDialect = {}, lengths?: readonly number[]) {
  return collect(csvRecords(pieces(text, lengths), { ...dialect, source: 'x.csv' }))
}

const fieldsOf = async (text: string, dialect?: CsvDialect) =>
  (await records(text, dialect)).map(record => record.fields)

describe('csv', () => {
  it.each<[string, string, readonly (readonly (string | null)[])[]]>([
    [
      'plain fields',
      'a,b\n1,2\n',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    [
      'no line end at the end',
      'a,b\n1,2',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    [
      'line ends of Windows',
      'a,b\r\n1,2\r\n',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    ['quotes around delimiters', '"a,b",c\n', [['a,b', 'c']]],
    [
      'quotes around line ends',
      '"a\nb",c\r\n"d\r\ne",f',
      [
        ['a\nb', 'c'],
        ['d\r\ne', 'f'],
      ],
    ],
    ['doubled quotes', '"a ""b""",c\n""""\n', [['a "b"', 'c'], ['"']]],
    ['quotes inside of an unquoted field', '5" tall,x\n', [['5" tall', 'x']]],
    [
      'nothing, which is null, and an empty text',
      ',"",a\n"",\n',
      [
        [null, '', 'a'],
        ['', null],
      ],
    ],
    ['blanks as they are', ' a , "b"\n', [[' a ', ' "b"']]],
    ['empty lines, which are no records', '\na\n\n\r\nb\n\n', [['a'], ['b']]],
    ['a carriage return inside of a field', 'a\rb,c\n', [['a\rb', 'c']]],
    ['quoted fields at the ends of lines', '"a"\r\n"b"\n"c"', [['a'], ['b'], ['c']]],
    ['a last field that is nothing', '"a",', [['a', null]]],
  ])('reads %s', async (_name, text, wanted) => {
    expect(await fieldsOf(text)).toEqual(wanted)
    // Character by character, as the worst of networks would give it.
    const single = await records(
      text,
      {},
      Array.from({ length: text.length }, () => 1),
    )
    expect(single.map(record => record.fields)).toEqual(wanted)
  })

  it('takes another delimiter and another text for null', async () => {
    const text = 'a\tNULL\t"NULL"\t\n'
    expect(await fieldsOf(text, { delimiter: '\t', nullText: 'NULL' })).toEqual([['a', null, 'NULL', '']])
    await expect(records('a', { delimiter: '::' })).rejects.toMatchObject({ kind: 'invalid-argument' })
    await expect(records('a', { delimiter: '"' })).rejects.toMatchObject({ kind: 'invalid-argument' })
  })

  it('numbers records by the line they begin on', async () => {
    const lines = (await records('a\n"b\nb"\n\nc\n')).map(record => record.line)
    expect(lines).toEqual([1, 2, 5])
  })

  it('refuses a quote that is not closed, and text behind one', async () => {
    await expect(records('a\n"b\n')).rejects.toMatchObject({
      kind: 'corrupt',
      context: { source: 'x.csv', line: 2 },
    })
    await expect(records('a\n"b"c\n')).rejects.toMatchObject({ kind: 'corrupt', context: { line: 2 } })
  })

  it('reads what was written, wherever it is cut', async () => {
    const cell = fc.oneof(
      fc.constant(null),
      fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', ' ', 'ü') }),
    )
    const table = fc
      .integer({ min: 2, max: 4 })
      .chain(width => fc.array(fc.array(cell, { minLength: width, maxLength: width })))
    await fc.assert(
      fc.asyncProperty(
        table,
        fc.constantFrom('\n', '\r\n'),
        fc.array(fc.integer({ min: 1, max: 9 })),
        async (rows, end, cuts) => {
          const written = rows.map(row => row.map(written1).join(',') + end).join('')
          expect((await records(written, {}, cuts)).map(record => record.fields)).toEqual(rows)
        },
      ),
      { numRuns: 300 },
    )
  })
})

function written1(value: string | null): string {
  if (value === null) return ''
  return value === '' || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value
}
