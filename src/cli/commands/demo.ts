import type { Command } from 'commander'
import type { Surroundings } from '../surroundings.js'

/** `serac demo` */
export function addDemoCommand(program: Command, surroundings: Surroundings): void {
  program
    .command('demo [folder]')
    .description('apply a real change feed to a new lake, look around in it, check it against its source')
    .option('--json', 'print one JSON document: what was applied and checked')
    .action(async (folder: string | undefined, options: { readonly json?: boolean }) => {
      const { runDemo } = await import('../demo.js')
      await runDemo(surroundings, { folder, json: options.json === true })
    })
}
