import type { Command } from 'commander'
import { collectPairs, printResult, printRows, withLake } from '../session.js'
import type { Surroundings } from '../surroundings.js'

/** `serac namespace list|create|drop|show` */
export function addNamespaceCommands(program: Command, surroundings: Surroundings): void {
  const namespace = program.command('namespace').description('list, create, show and drop namespaces')
  namespace
    .command('list [parent]')
    .description('list namespaces, or those inside one')
    .option('--json', 'print one JSON document')
    .action((parent: string | undefined, _options, command: Command) =>
      withLake(command, surroundings, async session => {
        const { printNamespace } = await import('../../index.js')
        const names = (await session.lake.listNamespaces(parent)).map(printNamespace)
        await printRows(session, { headers: ['namespace'], rows: names.map(name => [name]), json: names })
      }),
    )
  namespace
    .command('create <namespace>')
    .description('create a namespace')
    .option('--property <key=value>', 'a property; repeatable', collectPairs)
    .option('--json', 'print one JSON document')
    .action((name: string, options: { readonly property?: Record<string, string> }, command: Command) =>
      withLake(command, surroundings, async session => {
        await session.lake.createNamespace(name, options.property)
        await printResult(session, { json: { created: name }, text: `created namespace ${name}\n` })
      }),
    )
  namespace
    .command('drop <namespace>')
    .description('drop an empty namespace')
    .option('--json', 'print one JSON document')
    .action((name: string, _options, command: Command) =>
      withLake(command, surroundings, async session => {
        await session.lake.dropNamespace(name)
        await printResult(session, { json: { dropped: name }, text: `dropped namespace ${name}\n` })
      }),
    )
  namespace
    .command('show <namespace>')
    .description('show the properties of a namespace')
    .option('--json', 'print one JSON document')
    .action((name: string, _options, command: Command) =>
      withLake(command, surroundings, async session => {
        const properties = await session.lake.namespaceProperties(name)
        await printRows(session, {
          headers: ['property', 'value'],
          rows: Object.entries(properties),
          json: { namespace: name, properties },
        })
      }),
    )
}
