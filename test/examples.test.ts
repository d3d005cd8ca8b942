/** The examples run as they are: each makes its own folder and ends in assertions. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const FOLDER = join(import.meta.dirname, '../examples')
const examples = readdirSync(FOLDER).filter(name => /^\d\d-.*\.ts$/.test(name))

describe('the examples', () => {
  it('are there, numbered from 01 without gaps', () => {
    expect(examples.map(name => Number(name.slice(0, 2)))).toEqual(examples.map((_, index) => index + 1))
    expect(examples.length).toBeGreaterThan(0)
  })

  it.each(examples)('%s does what it asserts', async name => {
    await import(join(FOLDER, name))
  })
})
