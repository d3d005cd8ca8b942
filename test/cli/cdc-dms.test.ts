/** `serac cdc --format dms`: the textbook's customer, file by file, by the command. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { seracError, seracOk } from '../support/cli.js'

const TYPES = {
  tables: {
    customers: {
      columns: [
        { name: 'id', type: 'bigint' },
        { name: 'name', type: 'text' },
        { name: 'phone', type: 'text' },
      ],
      primary_key: ['id'],
    },
  },
}
const FILES = [
  ['LOAD00000001.csv', '1,Ada,NULL\n'],
  ['20261121-082126663.csv', 'I,9335,"Curie, Marie",555-0100\n'],
  ['20261121-082127259.csv', 'U,9335,"Curie, Marie","555,0199"\n'],
  ['20261121-082127845.csv', 'D,9335,"Curie, Marie","555,0199"\n'],
] as const

let cwd: string
let folder: string
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'serac-dms-'))
  folder = join(cwd, 'feed/public/customers')
  await mkdir(folder, { recursive: true })
  await writeFile(join(cwd, 'types.json'), JSON.stringify(TYPES))
})
afterEach(() => rm(cwd, { recursive: true, force: true }))

const put = (files: readonly (readonly [string, string])[]): Promise<unknown> =>
  Promise.all(files.map(([name, text]) => writeFile(join(folder, name), text)))
const command = ['cdc', 'feed', '--format', 'dms', '--namespace', 'shop', '--types', 'types.json'] as const
const apply = async (...more: readonly string[]) =>
  JSON.parse(await seracOk([...command, '--json', ...more], { cwd }))
const phones = async (): Promise<readonly unknown[]> => {
  const printed = await seracOk(['scan', 'shop.customers', '--json', '--where', 'id = 9335'], { cwd })
  return printed
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line).phone)
}

describe('the files of a DMS target', () => {
  it('are applied as they come, each once', async () => {
    const seen: unknown[] = []
    for (const file of FILES) {
      await put([file])
      await apply('--dms-op', 'cdc')
      seen.push(await phones())
    }
    expect(seen).toEqual([[], ['555-0100'], ['555,0199'], []])
    expect((await apply('--dms-op', 'cdc')).commits).toBe(0)
  })

  it('are applied up to a file', async () => {
    await put(FILES)
    await apply('--dms-op', 'cdc', '--until', 'file:20261121-082126663.csv')
    expect(await phones()).toEqual(['555-0100'])
  })

  it('are read as the settings of the endpoint say, unless the command says otherwise', async () => {
    await put([['LOAD00000001.csv', 'id;name;phone\n9335;Marie;none\n']])
    await writeFile(join(cwd, 'endpoint.json'), JSON.stringify({ CsvDelimiter: '|', AddColumnName: true }))
    await apply('--dms-settings', 'endpoint.json', '--dms-delimiter', ';', '--dms-null', 'none')
    expect(await phones()).toEqual([null])
  })

  it('are refused with a policy that there is not, before anything is read', async () => {
    const error = await seracError([...command, '--dms-late', 'maybe'], { cwd })
    expect(error).toMatchObject({ kind: 'invalid-argument' })
  })

  it('that come late are a conflict, unless they are to be applied', async () => {
    await put([FILES[0], FILES[2]])
    await apply('--dms-op', 'cdc')
    await put([FILES[1]])
    expect(await seracError([...command, '--dms-op', 'cdc'], { cwd })).toMatchObject({ kind: 'conflict' })
    await apply('--dms-op', 'cdc', '--dms-late', 'skip')
    expect(await phones()).toEqual(['555,0199'])
  })
})
