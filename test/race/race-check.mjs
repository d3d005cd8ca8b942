/** What must hold of the table of the eight writers: a follower that replays every snapshot, and a look at the files at the end. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { playStep, rowText } from './race-steps.mjs'

/** Follows the history of main, snapshot by snapshot. */
export function createFollower(table) {
  const model = new Map()
  const landed = new Map()
  const commitTimes = new Map()
  const faults = []
  const replayed = new Set()
  let last

  async function follow(snapshot, metadata) {
    const { snapshotId, parentSnapshotId, sequenceNumber, summary, operation, timestampMs } = snapshot
    if (parentSnapshotId !== last?.snapshotId)
      faults.push(`snapshot ${snapshotId} follows ${parentSnapshotId} and not ${last?.snapshotId}`)
    if (last !== undefined && sequenceNumber !== last.sequenceNumber + 1n)
      faults.push(`sequence number ${sequenceNumber} follows ${last.sequenceNumber}`)
    const name = summary.step
    if (name === undefined && operation !== 'replace') faults.push(`snapshot ${snapshotId} is of no step`)
    const { went, came } = name === undefined ? { went: [], came: [] } : playStep(model, name)
    if (name !== undefined) landed.set(name, (landed.get(name) ?? 0) + 1)
    const writer = name === undefined ? 'compact' : name.split('.')[0]
    commitTimes.set(writer, [...(commitTimes.get(writer) ?? []), timestampMs])
    const counts = new Map()
    const count = (row, by) => counts.set(rowText(row), (counts.get(rowText(row)) ?? 0) + by)
    for (const row of went) count(row, -1)
    for (const row of came) count(row, 1)
    const isKept = metadata.snapshots.some(each => each.snapshotId === parentSnapshotId)
    if (parentSnapshotId === undefined || isKept)
      for await (const row of table.changes({ from: parentSnapshotId, to: snapshotId, mode: 'net' }).rows())
        count({ ...row, id: Number(row.id), n: Number(row.n) }, row._change_type === 'INSERT' ? -1 : 1)
    const wrong = [...counts].filter(([, rest]) => rest !== 0)
    if (wrong.length > 0)
      faults.push(
        `snapshot ${snapshotId} of ${name}: ${JSON.stringify(wrong.slice(0, 5))} of ${wrong.length}`,
      )
    last = snapshot
    replayed.add(snapshotId)
  }

  return {
    faults,
    landed,
    commitTimes,
    /** Ids of the snapshots that were replayed. */
    replayed,
    get rows() {
      return model.size
    },
    /** Replays the snapshots that came since; gives the newest. */
    async catchUp() {
      const { metadata } = await table.load()
      const byId = new Map(metadata.snapshots.map(snapshot => [snapshot.snapshotId, snapshot]))
      const line = []
      let at = byId.get(metadata.currentSnapshotId)
      for (; at !== undefined && at.snapshotId !== last?.snapshotId; at = byId.get(at.parentSnapshotId))
        line.push(at)
      if (last !== undefined && at === undefined) faults.push('the line to the last snapshot is broken')
      for (const snapshot of line.reverse()) await follow(snapshot, metadata)
      return last
    },
    /** Reads the whole table as of the snapshot that was replayed last. */
    async compareAll() {
      if (last === undefined) return
      const wanted = new Set([...model.values()].map(rowText))
      let found = 0
      for await (const row of table.scan({ asOf: last.snapshotId }).rows()) {
        found++
        const text = rowText({ ...row, id: Number(row.id), n: Number(row.n) })
        if (!wanted.delete(text)) faults.push(`at ${last.snapshotId} a row that should not be: ${text}`)
      }
      if (wanted.size > 0)
        faults.push(
          `at ${last.snapshotId} of ${found} rows ${wanted.size} are missing: ${[...wanted].slice(0, 5)}`,
        )
    },
  }
}

/** Of every writer, the longest time without a commit, from when all were there until the first had ended. */
export function longestPauses(commitTimes, { beginMs, endMs }) {
  const pauses = {}
  for (const [writer, times] of commitTimes) {
    const within = times.filter(time => time > beginMs && time < endMs)
    const points = [beginMs, ...within, endMs]
    pauses[writer] = Math.max(...points.slice(1).map((time, at) => time - points[at]))
  }
  return pauses
}

/** Files below the table that nothing refers to, and files that are referred to and not there. */
export async function looseFiles(table) {
  const { metadata, metadataLocation } = await table.load()
  const reached = new Set(metadata.snapshots.map(({ manifestList }) => pathOf(manifestList)))
  for (const { metadataFile } of metadata.metadataLog) reached.add(pathOf(metadataFile))
  reached.add(pathOf(metadataLocation))
  for (const [name, column] of [
    ['all_manifests', 'path'],
    ['all_files', 'file_path'],
  ])
    for await (const row of table.inspect(name, { select: [column] }).rows()) reached.add(pathOf(row[column]))
  const folder = pathOf(metadata.location)
  const there = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath ?? entry.path, entry.name))
  return {
    orphans: there.filter(path => !reached.has(path)),
    missing: [...reached].filter(path => !existsSync(path)),
  }
}

function pathOf(location) {
  return location.startsWith('file:') ? fileURLToPath(location) : location
}
