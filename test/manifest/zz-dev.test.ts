import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync, existsSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { it } from 'vitest'
import { currentSchemaOf, openGolden, readSnapshot, textOf } from './golden.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { writeManifest } from '../../src/manifest/manifest-write.js'
import { writeManifestList } from '../../src/manifest/manifest-list-write.js'

const S = '../shared/fixtures/spark'
it('rewrites', async () => {
  rmSync('/tmp/rewritten', { recursive: true, force: true })
  for (const name of readdirSync(S)) {
    if (!existsSync(join(S, name, 'expected.json'))) continue
    const table = await openGolden(join(S, name))
    const { metadata } = table
    if (metadata.formatVersion === 1) continue
    const out = `/tmp/rewritten/${name}`
    mkdirSync(`${out}/metadata`, { recursive: true })
    if (!existsSync(join(S, name, 'data'))) continue
    cpSync(join(S, name, 'data'), `${out}/data`, { recursive: true })
    const from = textOf(table.expected.location)
    const text = readFileSync(join(S, name, textOf(table.expected.metadata)))
    const move = (l: string): string => l.replace(from, out)
    if (!textOf(table.expected.metadata).includes('.gz')) writeFileSync(`${out}/metadata/current.metadata.json`, text.toString().replaceAll(from, out))
    const fv = metadata.formatVersion as 2 | 3
    for (const snapshot of metadata.snapshots) {
      const io = createMemoryIO()
      const { manifests, entries } = await readSnapshot(table, snapshot)
      const written = []
      for (const [i, m] of manifests.entries()) {
        const spec = metadata.partitionSpecs.find(s => s.specId === m.specId)!
        const w = await writeManifest(io, 'memory://m', {
          spec, schema: currentSchemaOf(metadata), schemas: metadata.schemas, content: m.content, formatVersion: fv, snapshotId: m.addedSnapshotId,
          entries: entries[i]!.map(e => {
            let file: any = { ...e.file, location: move(e.file.location) }
            if (file.referencedDataFile) file.referencedDataFile = move(file.referencedDataFile)
            if (e.status === 'added') return { status: 'added' as const, file, ...(e.dataSequenceNumber !== m.sequenceNumber && { dataSequenceNumber: e.dataSequenceNumber }) }
            return { ...e, status: e.status, file }
          }),
        })
        const bytes = await io.read('memory://m')
        writeFileSync(`${out}/metadata/${basename(m.location)}`, bytes)
        // compare description
        const a = JSON.stringify({ ...w, location: 0, lengthBytes: 0, minSequenceNumber: 0 }, (_, v) => typeof v === 'bigint' ? String(v) : v instanceof Uint8Array ? Buffer.from(v).toString('hex') : v)
        const b = JSON.stringify({ location: 0, lengthBytes: 0, specId: m.specId, content: m.content, addedSnapshotId: m.addedSnapshotId, addedFilesCount: m.addedFilesCount, existingFilesCount: m.existingFilesCount, deletedFilesCount: m.deletedFilesCount, addedRowsCount: m.addedRowsCount, existingRowsCount: m.existingRowsCount, deletedRowsCount: m.deletedRowsCount, partitions: m.partitions, minSequenceNumber: 0 }, (_, v) => typeof v === 'bigint' ? String(v) : v instanceof Uint8Array ? Buffer.from(v).toString('hex') : v)
        if (a !== b) console.log(name, a, b)
        written.push({ ...m, location: `${out}/metadata/${basename(m.location)}`, lengthBytes: bytes.length })
      }
      if (snapshot.manifestList === undefined) continue
      await writeManifestList(io, 'memory://list', written, { formatVersion: fv, snapshotId: snapshot.snapshotId, parentSnapshotId: snapshot.parentSnapshotId, sequenceNumber: snapshot.sequenceNumber, firstRowId: snapshot.firstRowId ?? 0n })
      writeFileSync(`${out}/metadata/${basename(snapshot.manifestList)}`, await io.read('memory://list'))
    }
  }
})
