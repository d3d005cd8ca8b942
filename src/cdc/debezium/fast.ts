/**
 * The changes of lines that fit a template, without parsing them as JSON: the same events as of `debezium/changes.ts`,
 * several times faster. Whatever is unusual - a line of another form, a value that its column does not hold, a key update
 * without headers - is left to the parser, from whose records templates are learned.
 */
import { isLakeError } from '../../base/errors.js'
import type { ChangeEvent, FeedContext } from '../change-event.js'
import { type FeedLine, isExactObject } from '../feed-lines.js'
import { type ChangeReader, keysFor, rowFields, sourceTable } from './changes.js'
import type { ConnectColumn } from './connect-types.js'
import { type ChangeTemplate, Reading, type RowPlan, textAt, UNUSUAL } from './reading.js'
import { headerOf, type ValueRecord } from './record.js'
import { columnsOf, keyOf, type Shape, type Shapes, UNKNOWN } from './rows.js'
import { LineSlots } from './slots.js'
import { type Origin, originOf, type TransactionMark, transactionId, transactionMark } from './source.js'
import { type LineTemplate, learnTemplate } from './templates.js'

export interface FastReader {
  /** What the line says; undefined when it is to be parsed. */
  read(line: FeedLine): FastLine | undefined
  /** Takes in a line that was parsed and is no poison. */
  learn(line: FeedLine, record: ValueRecord): void
}

export type FastLine =
  | { readonly kind: 'change'; readonly event: ChangeEvent; readonly origin: Origin }
  | { readonly kind: 'mark'; readonly mark: TransactionMark }
  /** A tombstone behind an envelope. */
  | { readonly kind: 'nothing' }

interface MarkTemplate extends LineTemplate {
  readonly kind: 'mark'
}

/** Kinds of lines that are kept in mind; feeds have one or two a table. */
const TEMPLATES_MAX = 256
/** Learning that is not worth it: lines that differ in more than values. */
const LEARNED_MAX = 2000

export function createFastReader(
  context: FeedContext,
  parts: { readonly shapes: Shapes; readonly changes: ChangeReader },
): FastReader {
  const { shapes, changes } = parts
  const slots = new LineSlots()
  let templates: (ChangeTemplate | MarkTemplate)[] = []
  let learned = 0
  let hits = 0
  /** The last line fits a template, whatever came of it. */
  let fits = false

  const readChange = (template: ChangeTemplate, line: number): FastLine | undefined => {
    const before = changes.departure
    try {
      const reading = new Reading(slots, template, line)
      const place = before === undefined ? '' : reading.placeText()
      if (
        before !== undefined &&
        reading.op === 'c' &&
        before.place === place &&
        before.table === template.tableKey
      )
        return undefined
      const event = reading.event()
      const origin = reading.origin()
      changes.departure =
        event.kind === 'delete'
          ? { table: template.tableKey, place: reading.placeText(), key: event.key }
          : undefined
      if (changes.departure?.place === '') changes.departure = undefined
      return { kind: 'change', event, origin }
    } catch (error) {
      if (error === UNUSUAL || isLakeError(error)) return undefined
      throw error
    }
  }
  return {
    read({ number, text }) {
      fits = false
      for (let index = 0; index < templates.length; index++) {
        const template = templates[index] as ChangeTemplate | MarkTemplate
        if (!slots.match(text, template)) continue
        if (template.kind === 'change' && template.version !== shapes.version) {
          templates = templates.filter(each => each.kind === 'mark' || each.version === shapes.version)
          return undefined
        }
        hits += 1
        fits = true
        if (index > 0) {
          templates[index] = templates[index - 1] as ChangeTemplate | MarkTemplate
          templates[index - 1] = template
        }
        if (slots.isTombstone) return template.kind === 'change' ? NOTHING : undefined
        return template.kind === 'mark' ? readMark(slots, template) : readChange(template, number)
      }
      return undefined
    },
    learn(line, record) {
      if (fits || (learned > LEARNED_MAX && hits < learned * 8)) return
      const template = templateOf(line.text, record, { context, shapes })
      if (template === undefined) return
      learned += 1
      templates.unshift(template)
      if (templates.length > TEMPLATES_MAX) templates.pop()
    },
  }
}

const NOTHING: FastLine = { kind: 'nothing' }

function templateOf(
  text: string,
  record: ValueRecord,
  about: { readonly context: FeedContext; readonly shapes: Shapes },
): ChangeTemplate | MarkTemplate | undefined {
  const template = learnTemplate(text)
  if (template === undefined) return undefined
  if (template.kind === 'mark') return transactionMark(record) && { ...template, kind: 'mark' }
  return bound(template, record, about)
}

/** Binds a template to its table and types. */
function bound(
  template: LineTemplate,
  record: ValueRecord,
  { context, shapes }: { readonly context: FeedContext; readonly shapes: Shapes },
): ChangeTemplate | undefined {
  const { value, line } = record
  if (template.columns.length === 0 || isLikeSignals(template.columns)) return undefined
  if (!isExactObject(value.source) || !template.about.has('op') || !hasKeyOf(record, template))
    return undefined
  // Headers are taken literally, but these are not the same for the next line.
  if (['newkey', 'oldkey'].some(name => headerOf(record, `__debezium.${name}`) !== undefined))
    return undefined
  const { dialect, source } = originOf(record)
  if (dialect === 'other') return undefined
  const table = sourceTable(record)
  const shape = shapes.of({ table, dialect, fields: rowFields(record.valueSchema), line })
  const keys = keysFor(context, table)
  const isKeyless = keys?.length === 0 || template.keyColumns === undefined
  const keyNames = isKeyless ? [] : (template.keyColumns ?? [])
  // A key that only the image has is for the parser.
  if (keys?.some(name => !keyNames.includes(name)) === true && !isKeyless) return undefined
  const oldNames = isKeyless ? (keys?.length ? keys : template.columns) : keys
  if (oldNames?.some(name => !template.columns.includes(name)) === true) return undefined
  const plan = (names: readonly string[], first: number, all: readonly string[]): RowPlan => ({
    columns: columnsOf(shape, names),
    decoders: names.map(name => decoderOf(shape, name)),
    slots: names.map(name => first + all.indexOf(name)),
    inKey: names.map(name => keyNames.includes(name)),
  })
  return {
    ...template,
    kind: 'change',
    table,
    tableKey: keyOf(table),
    keyNames,
    key: isKeyless ? undefined : plan(keyNames, template.keySlot, keyNames),
    row: plan(template.columns, template.afterSlot, template.columns),
    before: plan(template.columns, template.beforeSlot, template.columns),
    oldKey: oldNames && plan(oldNames, template.beforeSlot, template.columns),
    dialect,
    source,
    version: shapes.version,
  }
}

/** Whether the template sees the key that the parser sees, which looks into text as well. */
function hasKeyOf({ key }: ValueRecord, { keyColumns }: LineTemplate): boolean {
  const names = isExactObject(key) ? Object.keys(key) : undefined
  return names === undefined || keyColumns === undefined
    ? names === keyColumns
    : names.length === keyColumns.length && names.every((name, index) => name === keyColumns[index])
}

function decoderOf(shape: Shape, name: string): ConnectColumn {
  return shape.decoders[shape.indexOf.get(name) ?? -1] ?? UNKNOWN
}

/** Rows of a signal table are told by their values. */
function isLikeSignals(columns: readonly string[]): boolean {
  return columns.length === 3 && ['id', 'type', 'data'].every(name => columns.includes(name))
}

function readMark(slots: LineSlots, { about }: MarkTemplate): FastLine | undefined {
  const status = textAt(slots, about.get('status'))
  const id = textAt(slots, about.get('id'))
  if (id === undefined || (status !== 'BEGIN' && status !== 'END')) return undefined
  const { id: txid, lsn } = transactionId(id)
  return {
    kind: 'mark',
    mark: { status, id: txid, place: lsn === undefined ? undefined : { kind: 'lsn', lsn } },
  }
}
