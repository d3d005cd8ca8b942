/**
 * A catalog that is one map of pointers behind the network: the least that `createPointerCommits` needs. Requests get lost,
 * are late or come twice, so it shows what every catalog on a network has to stand.
 */
import type { Catalog, LoadedTable, TableIdentifier } from '../../src/catalog/catalog.js'
import { tableMissing } from '../../src/catalog/catalog-errors.js'
import { parseIdentifier, printIdentifier } from '../../src/catalog/identifier.js'
import {
  createPointerCommits,
  isReadCheck,
  type Swap,
  type SwapAnswer,
} from '../../src/catalog/pointer-commit.js'
import { createSeenTables } from '../../src/catalog/seen-tables.js'
import type { FileIO } from '../../src/io/file-io.js'
import { askAgain, type Network, noAnswer, type Process } from './network.js'

export interface PointerService {
  /** Metadata locations by the names of tables. */
  readonly pointers: Map<string, string>
  /** Told when pointers changed, by what step. */
  readonly onChange: (by: string | undefined) => Promise<void>
}

type PointerSwap = Swap<undefined>
type Decided = Exclude<SwapAnswer<undefined>, { status: 'unknown' }>

export function pointerCatalog(
  service: PointerService,
  client: {
    readonly network: Network
    readonly process: Process
    readonly io: FileIO
    readonly patience: number
  },
): Catalog {
  const { pointers } = service
  const { network, process, io, patience } = client
  const { runtime } = process
  const seen = createSeenTables(io)

  const find = async (identifier: TableIdentifier): Promise<LoadedTable | undefined> => {
    const name = printIdentifier(identifier)
    const work = () => pointers.get(name)
    const { value } = await askAgain(network, process, { target: 'load', location: name, patience, work })
    return value === undefined ? undefined : seen.load(identifier, value, {})
  }
  const swapAll = async (swaps: readonly PointerSwap[], by: string | undefined): Promise<Decided> => {
    for (const swap of swaps)
      if (pointers.get(printIdentifier(swap.identifier)) !== swap.from?.table.metadataLocation)
        return { status: 'lost', swap }
    for (const swap of swaps)
      if (!isReadCheck(swap)) pointers.set(printIdentifier(swap.identifier), swap.to.metadataLocation)
    await service.onChange(by)
    return { status: 'swapped' }
  }
  const swapAgain = async (swaps: readonly PointerSwap[], by: string | undefined): Promise<Decided> => {
    const isOurs = (swap: PointerSwap): boolean =>
      isReadCheck(swap) || pointers.get(printIdentifier(swap.identifier)) === swap.to.metadataLocation
    return swaps.every(isOurs) ? { status: 'swapped' } : swapAll(swaps, by)
  }
  const commits = createPointerCommits<undefined>({
    io,
    runtime,
    async find(identifier) {
      const table = await find(identifier)
      return table === undefined ? 'missing' : { table, entry: undefined }
    },
    async swap(swaps) {
      const reply = await network.request(process, 'swap', by => swapAll(swaps, by))
      if (reply.status === 'answered') return reply.value
      if (reply.status === 'refused') throw noAnswer(reply.status, 'swap')
      return { status: 'unknown', cause: noAnswer(reply.status, 'swap') }
    },
    async swapAgain(swaps) {
      const reply = await network.request(process, 'settle', by => swapAgain(swaps, by))
      return reply.status === 'answered'
        ? reply.value
        : { status: 'unknown', cause: noAnswer(reply.status, 'swap') }
    },
    keep: table => seen.keep(table),
  })
  const never = async (): Promise<never> => {
    throw new Error('assertion failed: the simulation does not ask for this')
  }
  return {
    name: 'pointers',
    multiTable: true,
    createNamespace: async () => {},
    dropNamespace: never,
    listNamespaces: async (parent = []) => (parent.length === 0 ? [['shop']] : []),
    loadNamespace: never,
    updateNamespace: never,
    listTables: async () => [...pointers.keys()].map(parseIdentifier),
    async loadTable(identifier) {
      const table = await find(identifier)
      if (table === undefined) throw tableMissing(identifier)
      return table
    },
    tableExists: async identifier => pointers.has(printIdentifier(identifier)),
    defaultTableLocation: never,
    dropTable: never,
    renameTable: never,
    registerTable: never,
    ...commits,
    close: async () => {},
  }
}
