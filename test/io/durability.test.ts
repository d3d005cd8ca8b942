/**
 * What reaches the disk before a file is acknowledged, seen at the system calls: its bytes, then its name, and each
 * new folder in the folder above it. Without the last a power cut takes a whole new lake with it.
 */
import fs from 'node:fs'
import { type FileHandle, mkdtemp, open, readlink, rm } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemRuntime as runtime } from '../../src/base/runtime.js'
import { openEmbeddedCatalog } from '../../src/catalog/embedded.js'
import { createLocalIO } from '../../src/io/local.js'

type HandleMethods = { sync: (this: FileHandle) => Promise<void> }

let root: string
let methods: HandleMethods
let original: HandleMethods['sync']
const originalFsync = fs.fsync
/** Paths below the root in the order they were synced; a temporary file is `<name>.tmp`. */
let synced: string[]

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'serac-fsync-'))
  const handle = await open(root, 'r')
  methods = Object.getPrototypeOf(handle) as HandleMethods
  await handle.close()
  original = methods.sync
  synced = []
  const note = async (descriptor: number): Promise<void> => {
    const path = await readlink(`/proc/self/fd/${descriptor}`)
    const name = /^\.(.*)\.[0-9a-f-]{36}\.tmp$/.exec(basename(path))?.[1]
    synced.push(name === undefined ? path.slice(root.length + 1) : `${name}.tmp`)
  }
  methods.sync = async function (this: FileHandle) {
    await note(this.fd)
    await original.call(this)
  }
  const watched = (descriptor: number, done: fs.NoParamCallback): void => {
    void note(descriptor).then(() => originalFsync(descriptor, done))
  }
  fs.fsync = Object.assign(watched, { __promisify__: originalFsync.__promisify__ })
  syncBuiltinESMExports()
})
afterEach(async () => {
  methods.sync = original
  fs.fsync = originalFsync
  syncBuiltinESMExports()
  await rm(root, { recursive: true, force: true })
})

describe.skipIf(process.platform !== 'linux')('what is acknowledged', () => {
  it('has new folders in their parents, then bytes, then the name on the disk', async () => {
    const io = createLocalIO({ runtime })
    await io.write(join(root, 'a/b/one'), new Uint8Array(3))
    expect(synced.splice(0)).toEqual(['a', '', 'one.tmp', 'a/b'])
    await io.write(join(root, 'a/b/two'), new Uint8Array(3))
    expect(synced.splice(0)).toEqual(['two.tmp', 'a/b'])
    await io.write(join(root, 'a/b/large'), new Uint8Array(2 ** 20))
    expect(synced.splice(0)).toEqual(['large.tmp', 'a/b'])
    const writer = await io.openWriter(join(root, 'a/c/three'))
    await writer.write(new Uint8Array(3))
    await writer.close()
    expect(synced.splice(0)).toEqual(['a', 'three.tmp', 'a/c'])
    const long = await io.openWriter(join(root, 'a/c/long'))
    for (let part = 0; part < 3; part++) await long.write(new Uint8Array(2 ** 18))
    await long.close()
    expect(synced.splice(0)).toEqual(['long.tmp', 'a/c'])
    expect(await io.create(join(root, 'd/four'), new Uint8Array(3))).toBe('created')
    expect(synced.splice(0)).toEqual(['', 'four.tmp', 'd'])
  })

  it('includes the folder of a new catalog', async () => {
    const io = createLocalIO({ runtime })
    const warehouse = join(root, 'new/lake')
    const catalog = await openEmbeddedCatalog({ path: join(warehouse, 'catalog.db'), warehouse, io, runtime })
    await catalog.close()
    expect(synced).toEqual(['new', ''])
  })
})
