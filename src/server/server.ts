/**
 * The REST catalog of Iceberg over a lake: any engine that speaks the protocol reads and writes its tables.
 *
 * Without tokens it is for this machine alone. A server stops gracefully: it takes no new requests, lets those at work end,
 * and cuts them off only when that takes too long.
 */
import { createServer as createHttpServer, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, isIP } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { LakeError } from '../base/errors.js'
import type { Lake } from '../lake/lake.js'
import { type AppOptions, createApp } from './app.js'
import type { CredentialVendor } from './credential-vendor.js'
import { createAdmission, type ServerLimits, serverLimits } from './limits.js'
import { createPlanStore } from './plan-store.js'
import { createReplies } from './replies.js'
import { serverRoutes } from './routes.js'
import type { ServerContext } from './server-context.js'
import { createServerLog, type LogRecord } from './server-log.js'
import { createServerMetrics } from './server-metrics.js'
import { createTokens, type TokenHolder, type Tokens } from './tokens.js'

export interface ServerTls {
  /** PEM. */
  readonly cert: string | Uint8Array
  readonly key: string | Uint8Array
  readonly passphrase?: string | undefined
}

export interface ServerOptions {
  /** The tables to serve. The caller closes it after the server. */
  readonly lake: Lake
  /** Default 127.0.0.1. Another than this machine needs `principals`. */
  readonly host?: string | undefined
  /** Default 8181; 0 takes a free one. */
  readonly port?: number | undefined
  readonly tls?: ServerTls | undefined
  /** Who may use the server, and for what; absent: everybody on this machine, for everything. */
  readonly principals?: readonly TokenHolder[] | undefined
  readonly limits?: Partial<ServerLimits> | undefined
  /** Takes the records of the log; default nobody does. */
  readonly log?: ((record: LogRecord) => void) | undefined
  /** Properties that clients get as defaults, such as `s3.endpoint`. No secrets: every client sees them. */
  readonly clientProperties?: Readonly<Record<string, string>> | undefined
  /** Gives clients access to files, for those who ask for it. */
  readonly vendCredentials?: CredentialVendor | undefined
  /**
   * Folders that hold files of tables beside those of the tables themselves (registered tables, added files). Plans, rows
   * and purges of principals that do not manage everything open files of a table in its own folders and in these only.
   */
  readonly readableLocations?: readonly string[] | undefined
}

export interface RunningServer {
  /** What clients take as their `uri`. */
  readonly uri: string
  /** Stops gracefully; the lake stays open. */
  close(): Promise<void>
}

const PORT_DEFAULT = 8181
const LOOPBACK = '127.0.0.1'

/**
 * Starts a server; it answers when the promise resolves.
 * @throws invalid-argument for an address beyond this machine without principals, or options out of their range;
 * unavailable when the address is taken; denied
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { host = LOOPBACK, port = PORT_DEFAULT, tls } = options
  const tokens = createTokens(options.principals)
  checkAddress(host, tokens)
  const app = appOptions(options, tokens)
  const server = httpServer(app.options, tls)
  await listen(server, { host, port })
  const uri = uriOf(server, { host, tls })
  const { log } = app.options.context
  log.write('start', { uri, tokens: tokens.required, tls: tls !== undefined })
  if (tokens.required && tls === undefined && !isLoopback(host))
    log.write('warning', { message: 'tokens cross the network unencrypted: no tls' })
  let closed: Promise<void> | undefined
  return {
    uri,
    close() {
      closed ??= end(server, app).then(() => log.write('stop', { uri }))
      return closed
    },
  }
}

interface App {
  readonly options: AppOptions
  readonly stop: () => void
}

function appOptions(options: ServerOptions, tokens: Tokens): App {
  const { lake, host = LOOPBACK } = options
  const { catalog, io, runtime } = lake.context
  const limits = serverLimits(options.limits)
  const admission = createAdmission(limits)
  const context: ServerContext = {
    lake,
    catalog,
    io,
    runtime,
    log: createServerLog(runtime, options.log ?? (() => undefined)),
    metrics: createServerMetrics(admission),
    plans: createPlanStore(runtime),
    limits,
    clientProperties: options.clientProperties ?? {},
    vendor: options.vendCredentials,
    readableLocations: options.readableLocations ?? [],
  }
  let isStopping = false
  return {
    options: {
      context,
      routes: serverRoutes(tokens),
      tokens,
      admission,
      replies: createReplies(runtime),
      hosts: tokens.required ? undefined : new Set(['localhost', '[::1]', host.toLowerCase()]),
      isStopping: () => isStopping,
      atWork: new Set(),
    },
    stop: () => {
      isStopping = true
    },
  }
}

function checkAddress(host: string, tokens: Tokens): void {
  if (tokens.required || isLoopback(host)) return
  throw new LakeError('invalid-argument', 'a server without principals listens on this machine only', {
    context: { host },
  })
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

/** Plenty for header lines, and how long a client may take to send them. */
const HEADER_BYTES_MAX = 16_384
const HEADERS_MS_MAX = 60_000
/** A connection waits for its next request a little longer than clients keep it. */
const KEEP_ALIVE_MS = 65_000

function httpServer(options: AppOptions, tls: ServerTls | undefined): Server {
  const { fetch } = createApp(options)
  const { requestMsMax } = options.context.limits
  const serverOptions = {
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: Math.min(HEADERS_MS_MAX, requestMsMax),
    requestTimeout: requestMsMax,
    keepAliveTimeout: KEEP_ALIVE_MS,
  }
  const server =
    tls === undefined
      ? createAdaptorServer({ fetch, createServer: createHttpServer, serverOptions })
      : createAdaptorServer({
          fetch,
          createServer: createHttpsServer,
          serverOptions: { ...serverOptions, ...tlsOptions(tls) },
        })
  // Both servers are of `node:http` or derived from it; the library's type has those of HTTP/2 besides.
  return server as Server
}

function tlsOptions({ cert, key, passphrase }: ServerTls): Record<string, string | Buffer> {
  const pem = (text: string | Uint8Array): string | Buffer =>
    typeof text === 'string' ? text : Buffer.from(text)
  return {
    cert: pem(cert),
    key: pem(key),
    minVersion: 'TLSv1.2',
    ...(passphrase === undefined ? {} : { passphrase }),
  }
}

function listen(server: Server, address: { readonly host: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException): void => {
      const kind = cause.code === 'EACCES' ? 'denied' : 'unavailable'
      reject(new LakeError(kind, 'the server cannot listen there', { cause, context: { ...address } }))
    }
    server.once('error', fail)
    server.listen(address.port, address.host, () => {
      server.off('error', fail)
      resolve()
    })
  })
}

function uriOf(
  server: Server,
  { host, tls }: { readonly host: string; readonly tls: ServerTls | undefined },
): string {
  // A server on a port has an address of this form; a text is one of a pipe.
  const { port } = server.address() as AddressInfo
  const name = isIP(host) === 6 ? `[${host}]` : host
  return `${tls === undefined ? 'http' : 'https'}://${name}:${port}`
}

/** How long answers may take after their requests were cut off. */
const CUT_OFF_MS = 1_000

async function end(server: Server, app: App): Promise<void> {
  await stop(server, app)
  await app.options.context.plans.close()
}

async function stop(server: Server, app: App): Promise<void> {
  const { atWork, context } = app.options
  const { limits } = context
  app.stop()
  const closed = new Promise<'closed'>(resolve => server.close(() => resolve('closed')))
  server.closeIdleConnections()
  if ((await within(closed, limits.stopMsMax, context)) === 'closed') return
  for (const controller of atWork) controller.abort(new Error('the server stops'))
  await within(closed, CUT_OFF_MS, context)
  server.closeAllConnections()
  await closed
}

async function within<T>(work: Promise<T>, ms: number, { runtime }: ServerContext): Promise<T | undefined> {
  const timer = new AbortController()
  const late = runtime.sleep(ms, timer.signal).then(
    () => undefined,
    () => undefined,
  )
  const first = await Promise.race([work, late])
  timer.abort()
  return first
}
