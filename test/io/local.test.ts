import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { utf8Decode, utf8Encode } from '../../src/base/bytes.js'
import { collect } from '../../src/base/concurrency.js'
import { systemRuntime } from '../../src/base/runtime.js'
import type { FileIO } from '../../src/io/file-io.js'
import { createLocalIO } from '../../src/io/local.js'
import { fileIoContract } from '../contract/file-io.js'

const newFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'serac-io-'))
const remove = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true })

for (const spelling of ['', 'file:', 'file://'] as const) {
  fileIoContract(`local, locations as ${spelling}/path`, async () => {
    const folder = await newFolder()
    const io = createLocalIO({ runtime: systemRuntime, fsync: spelling === '' })
    return { io, root: `${spelling}${folder}`, dispose: () => remove(folder) }
  })
}

describe('local files', () => {
  let folder: string
  let io: FileIO
  beforeEach(async () => {
    folder = await newFolder()
    io = createLocalIO({ runtime: systemRuntime, lockWaitMsMax: 30 })
  })
  afterEach(() => remove(folder))

  it('are the same under all spellings of a location', async () => {
    await io.write(`file://${folder}/f`, utf8Encode('x'))
    for (const location of [`${folder}/f`, `file:${folder}/f`, `file://localhost${folder}/f`]) {
      expect(utf8Decode(await io.read(location))).toBe('x')
    }
  })

  it('refuse locations that are relative or elsewhere', async () => {
    for (const location of ['relative/f', 's3://bucket/f', 'file:relative', 'file://host/f', '']) {
      await expect(io.read(location)).rejects.toMatchObject({ kind: 'invalid-argument' })
    }
    await expect(io.read(`${folder}/a\0b`)).rejects.toMatchObject({ kind: 'invalid-argument' })
  })

  it('report a location that cannot be deleted and go on', async () => {
    await mkdir(`${folder}/kept`)
    await writeFile(`${folder}/gone`, 'x')
    const report = await io.delete([`${folder}/kept`, `${folder}/gone`, 's3://elsewhere/f'])
    expect(report.deleted).toContain(`${folder}/gone`)
    expect(report.failed.map(({ location }) => location)).toContain('s3://elsewhere/f')
    expect(await readdir(folder)).toEqual(['kept'])
  })

  it('list what a crash left of a file being written, so that it can be removed', async () => {
    const writer = await io.openWriter(`${folder}/data.parquet`)
    await writer.write(new Uint8Array(2 ** 20))
    const files = await collect(io.list(`${folder}/`))
    expect(files.map(file => file.location)).toEqual([
      expect.stringMatching(/\/\.data\.parquet\.[0-9a-f-]{36}\.tmp$/),
    ])
  })

  it('do not follow links to folders while listing', async () => {
    await io.write(`${folder}/real/f`, utf8Encode('x'))
    await symlink(folder, `${folder}/real/loop`)
    expect((await collect(io.list(`${folder}/`))).map(file => file.location)).toEqual([`${folder}/real/f`])
  })

  it('leave no temporary file when the name cannot be taken', async () => {
    await mkdir(`${folder}/taken/inner`, { recursive: true })
    await expect(io.write(`${folder}/taken`, utf8Encode('x'))).rejects.toMatchObject({ name: 'LakeError' })
    expect(await readdir(folder)).toEqual(['taken'])
  })

  it('name the lock of another process instead of breaking it', async () => {
    await io.write(`${folder}/f`, utf8Encode('x'))
    await writeFile(`${folder}/.f.lock`, '')
    const { etag = '' } = await io.stat(`${folder}/f`)
    await expect(io.replace(`${folder}/f`, utf8Encode('y'), { etag })).rejects.toMatchObject({
      kind: 'unavailable',
      context: { lock: `${folder}/.f.lock` },
    })
    expect(utf8Decode(await io.read(`${folder}/f`))).toBe('x')
  })

  it.skipIf(process.getuid?.() === 0)('answer denied where the permission is missing', async () => {
    await mkdir(`${folder}/closed`)
    await chmod(`${folder}/closed`, 0)
    await expect(io.write(`${folder}/closed/f`, utf8Encode('x'))).rejects.toMatchObject({ kind: 'denied' })
    await chmod(`${folder}/closed`, 0o700)
  })
})
