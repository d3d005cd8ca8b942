import type { Command } from 'commander'
import { addRelocateOption, withReadableTable } from '../readable-table.js'
import { printRows } from '../session.js'
import type { Surroundings } from '../surroundings.js'

/** `serac snapshots` */
export function addSnapshotCommands(program: Command, surroundings: Surroundings): void {
  addRelocateOption(
    program
      .command('snapshots <table>')
      .description('list the snapshots of a table, oldest first')
      .option('--json', 'print one JSON document'),
  ).action((name: string, { relocate }: { readonly relocate?: readonly string[] }, command: Command) =>
    withReadableTable(command, surroundings, { name, relocate }, async session => {
      const { formatTimestamp } = await import('../../index.js')
      const { metadata } = await session.table.load()
      const refsOf = (id: bigint): string =>
        Object.entries(metadata.refs)
          .filter(([, ref]) => ref.snapshotId === id)
          .map(([ref]) => ref)
          .join(', ')
      const timeOf = (ms: number): string =>
        formatTimestamp(BigInt(ms) * 1000n, { zoned: true, unit: 'micros' }).replace('000+00:00', '+00:00')
      await printRows(session, {
        headers: [
          'snapshot',
          'time',
          'operation',
          'added rows',
          'deleted rows',
          'data files',
          'delete files',
          'refs',
        ],
        rows: metadata.snapshots.map(snapshot => [
          snapshot.snapshotId,
          timeOf(snapshot.timestampMs),
          snapshot.operation ?? '',
          Number(snapshot.summary['added-records'] ?? 0),
          Number(snapshot.summary['deleted-records'] ?? 0) +
            Number(snapshot.summary['added-position-deletes'] ?? 0) -
            Number(snapshot.summary['removed-position-deletes'] ?? 0),
          Number(snapshot.summary['total-data-files'] ?? 0),
          Number(snapshot.summary['total-delete-files'] ?? 0),
          refsOf(snapshot.snapshotId),
        ]),
        json: metadata.snapshots.map(snapshot => ({
          snapshotId: snapshot.snapshotId,
          parentSnapshotId: snapshot.parentSnapshotId,
          sequenceNumber: snapshot.sequenceNumber,
          timestampMs: snapshot.timestampMs,
          timestamp: timeOf(snapshot.timestampMs),
          operation: snapshot.operation,
          schemaId: snapshot.schemaId,
          refs: refsOf(snapshot.snapshotId)
            .split(', ')
            .filter(ref => ref !== ''),
          summary: snapshot.summary,
        })),
      })
    }),
  )
}
