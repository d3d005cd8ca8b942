/** A lake in memory, served; requests to it as a client sends them. */
import { type LogRecord, type ServerOptions, startServer } from '../../src/server.js'
import { type MemoryLake, openMemoryLake } from '../lake/memory-lake.js'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Undefined when the body is no JSON. */
  readonly json: Json
}

/** Whatever it is: tests look into it. */
export type Json = ReturnType<typeof JSON.parse>

export interface Ask {
  readonly token?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

export interface ServedLake extends MemoryLake {
  readonly uri: string
  readonly records: LogRecord[]
  /** `POST /v1/namespaces`, with a body. */
  ask(what: string, options?: Ask): Promise<Answer>
  stop(): Promise<void>
}

export async function serveLake(options: Partial<ServerOptions> = {}): Promise<ServedLake> {
  const world = await openMemoryLake()
  const records: LogRecord[] = []
  const server = await startServer({
    lake: world.lake,
    port: 0,
    log: record => {
      records.push(record)
    },
    ...options,
  }).catch(async (error: unknown) => {
    await world.close()
    throw error
  })
  const stop = (): Promise<void> => server.close()
  return {
    ...world,
    uri: server.uri,
    records,
    ask: (what, asked = {}) => ask(server.uri, what, asked),
    stop,
    async close() {
      await stop()
      await world.close()
    },
  }
}

export async function ask(uri: string, what: string, { token, headers, body }: Ask = {}): Promise<Answer> {
  const [method = '', path = ''] = what.split(' ')
  const answer = await fetch(`${uri}${path}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await answer.text()
  return { status: answer.status, headers: answer.headers, text, json: parsed(text) }
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
