/**
 * The command line: parses the arguments, runs one command, prints one error line.
 * Exit code 0, or 1 with `serac: <kind>: <message> {context}` and nothing lost.
 */
import { Command, CommanderError } from 'commander'
import { addCdcCommands } from './commands/cdc.js'
import { addChangesCommand } from './commands/changes.js'
import { addDemoCommand } from './commands/demo.js'
import { addDoctorCommand } from './commands/doctor.js'
import { addInitCommand } from './commands/init.js'
import { addInspectCommand } from './commands/inspect.js'
import { addMaintenanceCommands } from './commands/maintenance.js'
import { addMergeCommand } from './commands/merge.js'
import { addNamespaceCommands } from './commands/namespace.js'
import { addRefCommands } from './commands/refs.js'
import { addScanCommand } from './commands/scan.js'
import { addServeCommand } from './commands/serve.js'
import { addSnapshotCommands } from './commands/snapshots.js'
import { addTableCommands } from './commands/table.js'
import { addWriteCommands } from './commands/write.js'
import { errorLine } from './error-line.js'
import type { Surroundings } from './surroundings.js'

/** Runs one command line and returns the exit code. */
export async function runCli(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const program = await newProgram(surroundings)
  try {
    await program.parseAsync([...args], { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0
    surroundings.stderr.write(`${errorLine(error)}\n`)
    return 1
  }
}

async function newProgram(surroundings: Surroundings): Promise<Command> {
  const program = new Command('serac')
  const { VERSION } = await import('../version.js')
  program
    .description('A transactional lake engine on Apache Iceberg tables')
    .version(VERSION, '-V, --version')
    .option('--catalog <name>', 'catalog of serac.json to use')
    .option('--warehouse <folder>', 'folder of the lake; default ./lake')
    .option('--actor <name>', 'who writes, for the summary of each snapshot; default $SERAC_ACTOR')
    .option('--job <name>', 'by which job, for the summary of each snapshot; default $SERAC_JOB')
    .showHelpAfterError(false)
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({
      writeOut: text => surroundings.stdout.write(text),
      // Commander's own error text is dropped: `errorLine` prints it as one line of our form.
      writeErr: () => undefined,
    })
  addDemoCommand(program, surroundings)
  addInitCommand(program, surroundings)
  addNamespaceCommands(program, surroundings)
  addTableCommands(program, surroundings)
  addWriteCommands(program, surroundings)
  addMergeCommand(program, surroundings)
  addCdcCommands(program, surroundings)
  addScanCommand(program, surroundings)
  addInspectCommand(program, surroundings)
  addChangesCommand(program, surroundings)
  addSnapshotCommands(program, surroundings)
  addRefCommands(program, surroundings)
  addMaintenanceCommands(program, surroundings)
  addDoctorCommand(program, surroundings)
  addServeCommand(program, surroundings)
  overrideExit(program)
  return program
}

/** Sub-commands made by `command()` take over the settings, but not the exit override of a later call. */
function overrideExit(command: Command): void {
  command.exitOverride()
  for (const child of command.commands) overrideExit(child)
}
