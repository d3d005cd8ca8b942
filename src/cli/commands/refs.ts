import type { Command } from 'commander'
import type { CreateRefOptions, RefReport, Table } from '../../index.js'
import { parseDuration } from '../duration.js'
import { printResult, printRows, type Session, UsageError, wholeNumber, withLake } from '../session.js'
import type { Surroundings } from '../surroundings.js'

type RefType = 'branch' | 'tag'

interface RefOptions {
  readonly snapshotId?: string
  readonly asOf?: string
  readonly retain?: number
  readonly retainSnapshots?: number
  readonly retainSnapshotsFor?: number
  readonly replace?: boolean
  readonly force?: boolean
}

interface BranchOptions {
  readonly branch?: string
}

/** `serac branch|tag|rollback|cherry-pick|fast-forward|publish` */
export function addRefCommands(program: Command, surroundings: Surroundings): void {
  addRefCommand(program, surroundings, 'branch')
  addRefCommand(program, surroundings, 'tag')
  const onTable = (
    command: Command,
    name: string,
    work: (table: Table) => Promise<RefReport>,
  ): Promise<void> =>
    withLake(command, surroundings, async session => printRef(session, await work(session.lake.table(name))))
  const { signal } = surroundings

  program
    .command('rollback <table>')
    .description('set a branch back to a snapshot of its history; later ones stay until they are expired')
    .requiredOption('--to <id|time>', 'snapshot id, or a time: the newest snapshot that was there then')
    .option('--branch <branch>', 'default main')
    .option('--json', 'print one JSON document')
    .action((name: string, { to, branch }: BranchOptions & { readonly to: string }, command: Command) =>
      onTable(command, name, table => table.rollback({ to, branch, signal })),
    )
  program
    .command('cherry-pick <table> <snapshot-id>')
    .description('do again on a branch what a snapshot of another history did')
    .option('--branch <branch>', 'default main')
    .option('--json', 'print one JSON document')
    .action((name: string, snapshotId: string, { branch }: BranchOptions, command: Command) =>
      onTable(command, name, table => table.cherryPick(idOf(snapshotId), { branch, signal })),
    )
  program
    .command('publish <table> <wap-id>')
    .description('put on a branch what was staged with --wap-id')
    .option('--branch <branch>', 'default main')
    .option('--json', 'print one JSON document')
    .action((name: string, wapId: string, { branch }: BranchOptions, command: Command) =>
      onTable(command, name, table => table.publish(wapId, { branch, signal })),
    )
  program
    .command('fast-forward <table> <from> <to>')
    .description('set branch <from> forward to where ref <to> stands')
    .option('--json', 'print one JSON document')
    .action((name: string, from: string, to: string, _options, command: Command) =>
      onTable(command, name, table => table.fastForward(from, to, { signal })),
    )
}

function addRefCommand(program: Command, surroundings: Surroundings, type: RefType): void {
  const command = program
    .command(`${type} <table> <action> [name]`)
    .description(`create, drop or list ${type === 'branch' ? 'branches' : 'tags'}`)
    .option('--snapshot-id <id>', 'the snapshot to name; default the head of main')
    .option('--as-of <id|time|ref>', 'the snapshot to name, by a time or another ref')
    .option(
      '--retain <duration>',
      `age at which the ${type} goes, such as 30d; default never`,
      durationOption,
    )
    .option('--replace', `set a ${type} that is there`)
    .option('--json', 'print one JSON document')
  if (type === 'branch') {
    command
      .option('--retain-snapshots <n>', 'newest snapshots of the branch to keep', wholeNumber(1))
      .option('--retain-snapshots-for <duration>', 'age at which its snapshots go', durationOption)
  } else {
    command.option('--force', 'drop a tag that a clone hangs on')
  }
  command.action((table: string, action: string, name: string | undefined, options: RefOptions) =>
    withLake(command, surroundings, session => runRef(session, { table, type, action, name, options })),
  )
}

interface RefCall {
  readonly table: string
  readonly type: RefType
  readonly action: string
  readonly name: string | undefined
  readonly options: RefOptions
}

async function runRef(session: Session, call: RefCall): Promise<void> {
  const { type, action, name, options } = call
  const table = session.lake.table(call.table)
  if (action === 'list') return listRefs(session, table, type)
  if (action !== 'create' && action !== 'drop')
    throw new UsageError('a ref is asked to create, drop or list', action)
  if (name === undefined) throw new UsageError('a ref is named', action)
  const { signal } = session.surroundings
  if (action === 'create') {
    const wanted = { ...wantedRef(options), signal }
    const report = type === 'branch' ? table.createBranch(name, wanted) : table.createTag(name, wanted)
    return printRef(session, await report)
  }
  const { force } = options
  const report =
    type === 'branch' ? table.dropBranch(name, { signal }) : table.dropTag(name, { force, signal })
  return printRef(session, await report)
}

function wantedRef(options: RefOptions): CreateRefOptions {
  return {
    asOf: options.asOf,
    snapshotId: options.snapshotId === undefined ? undefined : idOf(options.snapshotId),
    retention: {
      maxRefAgeMs: options.retain,
      minSnapshotsToKeep: options.retainSnapshots,
      maxSnapshotAgeMs: options.retainSnapshotsFor,
    },
    orReplace: options.replace,
  }
}

async function listRefs(session: Session, table: Table, type: RefType): Promise<void> {
  const refs = Object.entries(await table.refs()).filter(([, ref]) => ref.type === type)
  await printRows(session, {
    headers: [type, 'snapshot', 'max ref age ms', 'min snapshots', 'max snapshot age ms'],
    rows: refs.map(([name, ref]) => [
      name,
      ref.snapshotId,
      ref.maxRefAgeMs ?? '',
      ref.minSnapshotsToKeep ?? '',
      ref.maxSnapshotAgeMs ?? '',
    ]),
    json: refs.map(([name, ref]) => ({ name, ...ref })),
  })
}

async function printRef(session: Session, report: RefReport): Promise<void> {
  await printResult(session, { json: report, text: `${refText(report)}\n` })
}

function refText({ ref, type, snapshotId, previousSnapshotId, changed }: RefReport): string {
  if (!changed) return `${type} ${ref} is at snapshot ${snapshotId} already`
  if (snapshotId === undefined) return `dropped ${type} ${ref}`
  const from = previousSnapshotId === undefined ? '' : `, was at ${previousSnapshotId}`
  return `${type} ${ref} is at snapshot ${snapshotId}${from}`
}

function idOf(text: string): bigint {
  if (/^\d+$/.test(text)) return BigInt(text)
  throw new UsageError('a snapshot id is a whole number', text)
}

function durationOption(text: string): number {
  const ms = parseDuration(text)
  if (ms !== undefined && ms > 0) return ms
  throw new UsageError('a length of time such as 30d, 12h or 10m is needed', text)
}
