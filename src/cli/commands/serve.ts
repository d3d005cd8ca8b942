import type { Command } from 'commander'
import { parseDuration } from '../duration.js'
import {
  collectPairs,
  fileLocation,
  printResult,
  type Session,
  UsageError,
  wholeNumber,
  withLake,
} from '../session.js'
import type { Surroundings } from '../surroundings.js'

interface ServeOptions {
  readonly port: number
  readonly host: string
  readonly principals?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly clientProperty?: Record<string, string>
  readonly readableLocation?: readonly string[]
  readonly maxBodyBytes?: number
  readonly maxRequests?: number
  readonly requestTimeout?: number
  readonly quiet?: boolean
}

/** `serac serve`: the lake as an Iceberg REST catalog, until the process is told to end. */
export function addServeCommand(program: Command, surroundings: Surroundings): void {
  program
    .command('serve')
    .description('serve the lake as an Iceberg REST catalog')
    .option('--port <number>', 'port; 0 takes a free one', wholeNumber(0), 8181)
    .option('--host <address>', 'address; beyond this machine it needs --principals', '127.0.0.1')
    .option('--principals <file>', 'JSON file of principals: their tokens, and what each may do')
    .option('--tls-cert <file>', 'certificate, PEM')
    .option('--tls-key <file>', 'its key, PEM')
    .option(
      '--client-property <key=value>',
      'property for clients, under their own; repeatable',
      collectPairs,
    )
    .option(
      '--readable-location <location>',
      'folder of files that principals may read through tables elsewhere; repeatable',
      (location: string, before: readonly string[] = []) => [...before, location],
    )
    .option('--max-body-bytes <n>', 'bytes of a request', wholeNumber(1))
    .option('--max-requests <n>', 'requests at work at the same time', wholeNumber(1))
    .option('--request-timeout <duration>', 'how long a request may take, such as 2m', durationMs)
    .option('--quiet', 'no log of requests on stderr; changes and errors are logged')
    .option('--json', 'print one JSON document')
    .action((options: ServeOptions, command: Command) =>
      withLake(command, surroundings, session => serve(session, options)),
    )
}

async function serve(session: Session, options: ServeOptions): Promise<void> {
  const { surroundings, lake } = session
  const { signal, stderr } = surroundings
  if ((options.tlsCert === undefined) !== (options.tlsKey === undefined))
    throw new UsageError('a certificate and its key belong together', options.tlsCert ?? options.tlsKey ?? '')
  const { logLine, parsePrincipals, startServer } = await import('../../server.js')
  const textAt = async (path: string): Promise<string> =>
    new TextDecoder().decode(await surroundings.readFile(fileLocation(surroundings, path)))
  const { principals, tlsCert, tlsKey, maxBodyBytes, maxRequests, requestTimeout } = options
  const server = await startServer({
    lake,
    host: options.host,
    port: options.port,
    principals: principals === undefined ? undefined : parsePrincipals(await textAt(principals)),
    tls:
      tlsCert === undefined || tlsKey === undefined
        ? undefined
        : { cert: await textAt(tlsCert), key: await textAt(tlsKey) },
    clientProperties: options.clientProperty,
    readableLocations: options.readableLocation,
    limits: {
      ...(maxBodyBytes === undefined ? {} : { bodyBytesMax: maxBodyBytes }),
      ...(maxRequests === undefined ? {} : { requestsMax: maxRequests }),
      ...(requestTimeout === undefined ? {} : { requestMsMax: requestTimeout }),
    },
    log: record => {
      if (options.quiet !== true || record.event !== 'request') stderr.write(logLine(record))
    },
  })
  try {
    await printResult(session, { json: { uri: server.uri }, text: `serving ${server.uri}\n` })
    await new Promise<void>(resolve => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    })
  } finally {
    await server.close()
  }
}

function durationMs(text: string): number {
  const ms = parseDuration(text)
  if (ms !== undefined && ms > 0) return ms
  throw new UsageError('a length of time such as 30s or 2m is needed', text)
}
