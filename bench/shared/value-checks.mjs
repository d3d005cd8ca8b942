// What columns of JavaScript values add up to: those of hyparquet and icebird.
import { addList, addStrings, addValues, createCheck } from './checks.mjs'

/** Physical type or annotation of each column of the orders table. */
export const TYPES = {
  id: 'INT64',
  customer_id: 'INT64',
  part_id: 'INT64',
  line_number: 'INT32',
  quantity: 'DECIMAL',
  price: 'DECIMAL',
  discount: 'DECIMAL',
  tax: 'DECIMAL',
  status: 'UTF8',
  return_flag: 'UTF8',
  ship_mode: 'UTF8',
  order_date: 'DATE',
  ship_date: 'DATE',
  updated_at: 'TIMESTAMP',
  weight: 'DOUBLE',
  comment: 'UTF8',
}

export function addColumn(check, name, values) {
  const type = TYPES[name]
  if (type === 'UTF8') addStrings(check, name, values)
  else if (type === 'DOUBLE') addValues(check, name, Float64Array.from(values))
  else if (type === 'DECIMAL') addList(check, name, values, value => Math.round(value * 100))
  else addList(check, name, values)
}

/** Rows of icebird. Its timestamps are dates of JavaScript, which hold no micros: they are left out. */
export function checkOfRows(rows, names = Object.keys(TYPES)) {
  const check = createCheck()
  check.rows = rows.length
  for (const name of names) {
    if (name !== 'updated_at') {
      addColumn(
        check,
        name,
        rows.map(row => plainValue(row[name])),
      )
    }
  }
  return check
}

function plainValue(value) {
  return value instanceof Date ? value.getTime() / 86_400_000 : value
}
