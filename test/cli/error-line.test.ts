import { CommanderError } from 'commander'
import { describe, expect, it } from 'vitest'
import { LakeError } from '../../src/base/errors.js'
import { errorLine } from '../../src/cli/error-line.js'

describe('the line of an error', () => {
  it('is its kind, its message and its context, numbers exact', () => {
    const context = {
      location: 'file:/a "b"\nc',
      snapshotId: 9_223_372_036_854_775_807n,
      rows: 3,
      columns: ['a'],
    }
    expect(errorLine(new LakeError('not-found', 'the file does not exist', { context }))).toBe(
      'serac: not-found: the file does not exist {"location":"file:/a \\"b\\"\\nc","snapshotId":"9223372036854775807","rows":3,"columns":["a"]}',
    )
  })

  it('has a context always, so that it reads the same way for machines', () => {
    expect(errorLine(new LakeError('aborted', 'the operation was aborted'))).toBe(
      'serac: aborted: the operation was aborted {}',
    )
  })

  it('is one line whatever was thrown', () => {
    expect(errorLine(new Error('first\n  second'))).toBe('serac: internal: first second {}')
    expect(errorLine('text')).toBe('serac: internal: text {}')
    expect(errorLine(new CommanderError(1, 'commander.x', 'error: no\n(Did you mean y?)'))).toBe(
      'serac: invalid-argument: no (Did you mean y?) {"see":"serac --help"}',
    )
  })
})
