import type { Command } from 'commander'
import { UsageError } from '../session.js'
import { print, type Surroundings } from '../surroundings.js'

/** `serac init`: a configuration file to start from. */
export function addInitCommand(program: Command, surroundings: Surroundings): void {
  program
    .command('init')
    .description('write a serac.json that names a lake in ./lake')
    .option('--json', 'print one JSON document')
    .action(async (options: { readonly json?: boolean }) => {
      const path = `${surroundings.cwd}/serac.json`
      const configuration = {
        default: 'local',
        catalogs: { local: { type: 'embedded', warehouse: './lake' } },
      }
      try {
        await surroundings.writeFile(path, `${JSON.stringify(configuration, null, 2)}\n`, { flag: 'wx' })
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'EEXIST') {
          throw new UsageError('serac.json is there already', path)
        }
        throw error
      }
      const text =
        'wrote serac.json: a lake in ./lake\nnext: serac table create shop.orders "id bigint not null, note string" --keys id\n'
      await print(
        surroundings.stdout,
        options.json === true ? `${JSON.stringify({ created: path })}\n` : text,
      )
    })
}
