import type { Command } from 'commander'
import { parseDuration } from '../duration.js'
import { printResult, type Session, UsageError, wholeNumber, withLake } from '../session.js'
import type { Surroundings } from '../surroundings.js'

/** `serac compact|expire` */
export function addMaintenanceCommands(program: Command, surroundings: Surroundings): void {
  program
    .command('compact <table>')
    .description('rewrite small files, and files with many deletes, into larger ones')
    .option('--dry-run', 'print the plan and change nothing')
    .option(
      '--target-size <bytes>',
      'size of the files to write; default write.target-file-size-bytes',
      wholeNumber(1),
    )
    .option('--min-input-files <n>', 'files that make a group worth rewriting; default 5', wholeNumber(1))
    .option('--rewrite-all', 'rewrite every file')
    .option('--json', 'print one JSON document')
    .action((name: string, options: CompactCommandOptions, command: Command) =>
      withLake(command, surroundings, async session => {
        const report = await session.lake.table(name).compact({
          dryRun: options.dryRun,
          targetFileSizeBytes: options.targetSize,
          minInputFiles: options.minInputFiles,
          rewriteAll: options.rewriteAll,
          signal: surroundings.signal,
        })
        await printResult(session, {
          json: report,
          text: `${Object.entries(report).map(entryText).join('\n')}\n`,
        })
        if (report.failures.length > 0) throw await unfinished(report.failures)
      }),
    )
  program
    .command('expire <table>')
    .description('remove old snapshots and the files that only they reach')
    .option(
      '--older-than <time|duration>',
      'ISO-8601 time with zone, or an age such as 5d, 12h, 30m; default 5d',
    )
    .option('--retain-last <n>', 'snapshots of each branch to keep at least; default 1', wholeNumber(1))
    .option('--dry-run', 'print what would go and change nothing')
    .option('--json', 'print one JSON document')
    .action((name: string, options: ExpireCommandOptions, command: Command) =>
      withLake(command, surroundings, async session => {
        const report = await session.lake.table(name).expire({
          olderThanMs: await olderThanOf(session, options.olderThan),
          retainLast: options.retainLast,
          dryRun: options.dryRun,
          signal: surroundings.signal,
        })
        await printResult(session, {
          json: report,
          text: `${Object.entries(report).map(entryText).join('\n')}\n`,
        })
      }),
    )
}

interface CompactCommandOptions {
  readonly dryRun?: boolean
  readonly targetSize?: number
  readonly minInputFiles?: number
  readonly rewriteAll?: boolean
}

interface ExpireCommandOptions {
  readonly olderThan?: string
  readonly retainLast?: number
  readonly dryRun?: boolean
}

async function olderThanOf(session: Session, text: string | undefined): Promise<number | undefined> {
  if (text === undefined) return undefined
  const ageMs = parseDuration(text)
  if (ageMs !== undefined) return session.lake.context.runtime.nowMs() - ageMs
  const { parseAsOf } = await import('../../index.js')
  const selector = parseAsOf(text)
  if (typeof selector === 'object' && 'timestampMs' in selector) return selector.timestampMs
  throw new UsageError('an age such as 5d or 12h, or an ISO-8601 time with a zone, is needed', text)
}

/** The groups that could be rewritten are committed; the command still fails, so that a scheduler sees it. */
async function unfinished(failures: readonly string[]): Promise<Error> {
  const { LakeError } = await import('../../index.js')
  return new LakeError('unavailable', 'some files could not be rewritten, the others were', {
    context: { failures },
  })
}

/** `rewrittenDataFiles` as `rewritten data files: 12`. */
function entryText([name, value]: [string, unknown]): string {
  const words = name.replace(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`)
  return `${words}: ${Array.isArray(value) ? value.length : typeof value === 'object' && value !== null ? JSON.stringify(value) : value}`
}
