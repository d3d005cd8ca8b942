/** A step done by serac, through the API that everybody uses. */
import type { LoadedTable, OutputRow, Table } from '../../src/index.js'
import { conditionText, mergeClauses, type Row, settingText } from './rows.js'
import type { RowStep, Step } from './steps.js'

export interface StepContext {
  /** Goes into the summary of the snapshots that the step makes. */
  readonly name: string
  /** The clock of the run. */
  readonly nowMs: () => number
  /** Told when an expiry says that it left files behind. */
  readonly onLeft: () => void
}

/** Whether it says that it changed rows; undefined for steps that do not. */
export async function doStep(table: Table, step: Step, context: StepContext): Promise<boolean | undefined> {
  const summary = { step: context.name }
  switch (step.verb) {
    case 'append':
    case 'upsert':
    case 'delete':
    case 'update':
    case 'overwrite':
    case 'merge':
      return changeRows(table, step, { summary, branch: step.ref === 'main' ? undefined : step.ref })
    case 'transaction':
      return transact(table, step.steps, summary)
    case 'compact': {
      const { ref, maxCommits } = step
      const { metadata } = await table.load()
      if (metadata.refs[ref] === undefined) return undefined
      await table.compact({ ref, maxCommits, minInputFiles: 2 })
      return undefined
    }
    case 'expire':
      await expire(table, step.retainLast, context)
      return undefined
    case 'rollback':
      await rollBack(table, step)
      return undefined
    case 'branch':
      await table.createBranch(step.ref, { orReplace: true })
      return undefined
    case 'tag':
      await table.createTag(`t-${step.ref}`, { orReplace: true })
      return undefined
    case 'drop-branch':
      await table.dropBranch(step.ref)
      return undefined
    case 'fast-forward':
      await table.fastForward('main', step.ref)
      return undefined
    case 'stage':
      await table.append(stored(step.rows), { wapId: context.name, summary })
      return undefined
    case 'publish': {
      const staged = newestStaged(await table.load())
      if (staged !== undefined) await table.publish(staged, { summary })
      return undefined
    }
    default:
      await table.alter(step.words)
      return undefined
  }
}

interface Written {
  readonly summary: Readonly<Record<string, string>>
  readonly branch?: string | undefined
}

type RowOperations = Pick<Table, 'append' | 'upsert' | 'delete' | 'update' | 'overwrite' | 'merge'>

async function changeRows(table: RowOperations, step: RowStep, options: Written): Promise<boolean> {
  switch (step.verb) {
    case 'append':
      return (await table.append(stored(step.rows), options)).changed
    case 'upsert':
      return (await table.upsert(stored(step.rows), { ...options, keys: step.keys })).changed
    case 'delete':
      return (await table.delete(conditionText(step.where), options)).changed
    case 'update': {
      const request = { set: settingText(step.set), where: conditionText(step.where) }
      return (await table.update(request, options)).changed
    }
    case 'overwrite': {
      const where = conditionText(step.where)
      return (await table.overwrite(stored(step.rows), { ...options, where })).changed
    }
    default: {
      const request = { on: 't.id = s.id', when: mergeClauses(step.rule) }
      return (await table.merge(stored(step.rows), { ...options, ...request })).changed
    }
  }
}

async function transact(
  table: Table,
  steps: readonly RowStep[],
  summary: Written['summary'],
): Promise<boolean> {
  const report = await table.transaction(async scope => {
    for (const [at, step] of steps.entries())
      await changeRows(scope.table(), step, { summary: { ...summary, 'step-at': String(at) } })
  })
  return report.changed
}

async function expire(table: Table, retainLast: number, { nowMs, onLeft }: StepContext): Promise<void> {
  const { kept, failed } = await table.expire({ olderThanMs: nowMs(), retainLast })
  if (kept !== undefined || failed.length > 0) onLeft()
}

/** To a snapshot of the branch's own history that is still there. */
async function rollBack(table: Table, step: { readonly ref: string; readonly back: number }): Promise<void> {
  const { metadata } = await table.load()
  let target = metadata.snapshots.find(({ snapshotId }) => snapshotId === metadata.refs[step.ref]?.snapshotId)
  for (let back = 0; back < step.back && target !== undefined; back++) {
    const parent = target.parentSnapshotId
    const found = metadata.snapshots.find(({ snapshotId }) => snapshotId === parent)
    if (found === undefined) break
    target = found
  }
  if (target !== undefined) await table.rollback({ to: target.snapshotId, branch: step.ref })
}

function newestStaged({ metadata }: LoadedTable): string | undefined {
  const taken = new Set(metadata.snapshots.map(({ summary }) => summary['published-wap-id']))
  return metadata.snapshots
    .flatMap(({ summary }) => (summary['wap.id'] === undefined ? [] : [summary['wap.id']]))
    .findLast(wapId => !taken.has(wapId))
}

function stored(rows: readonly Row[]) {
  return rows.map(({ tag, id, part, n }) => ({ tag, id, part, n }))
}

/** A row that was read, as the model has it. */
export function modelRow(row: OutputRow): Row {
  const { tag, id, part, n, x } = row
  return {
    tag: asBigint(tag) ?? -1n,
    id: asBigint(id),
    part: typeof part === 'string' ? part : null,
    n: asNumber(n),
    x: asNumber(x),
  }
}

function asBigint(value: unknown): bigint | null {
  return typeof value === 'bigint' ? value : null
}

function asNumber(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}
