import type { Command } from 'commander'
import type { Surroundings } from '../surroundings.js'

/** `serac demo` */
export function addDemoCommand(program: Command, surroundings: Surroundings): void {
  program
    .command('demo [folder]')
    .description('apply a real change feed to a new lake, look around in it, check it against its source')
    .action(async (folder: string | undefined) => {
      const { runDemo } = await import('../demo.js')
      await runDemo(surroundings, folder)
    })
}
