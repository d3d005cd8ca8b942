/** A REST catalog server that a test answers for, request by request. */
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { JsonValue } from '../../src/base/json.js'
import { applyUpdates } from '../../src/metadata/apply-update.js'
import { newTableUpdates } from '../../src/metadata/new-table.js'
import type { TableMetadata } from '../../src/metadata/table-metadata.js'
import { encodeTableAnswer, type TableAnswer } from '../../src/rest/load-table-json.js'

export interface StubRequest {
  readonly method: string
  /** Path as it came. */
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Readonly<IncomingMessage['headers']>
  readonly body: string
}

export interface StubAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly json?: JsonValue
  readonly bytes?: Uint8Array
}

export interface Stub {
  readonly uri: string
  readonly log: readonly StubRequest[]
  close(): Promise<void>
}

/** Undefined is 404. The answer to `/v1/config` is empty unless the test gives another. */
export async function openStub(
  answer: (request: StubRequest) => StubAnswer | 'never' | undefined,
): Promise<Stub> {
  const log: StubRequest[] = []
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const [path = '', query] = (incoming.url ?? '').split('?', 2)
      const request: StubRequest = {
        method: incoming.method ?? '',
        path,
        query: new URLSearchParams(query),
        headers: incoming.headers,
        body: Buffer.concat(chunks).toString(),
      }
      log.push(request)
      const isConfig = path.endsWith('/v1/config')
      const empty: StubAnswer = isConfig ? { json: { defaults: {}, overrides: {} } } : MISSING
      const given = answer(request) ?? empty
      if (given === 'never') return
      outgoing.writeHead(given.status ?? 200, { 'content-type': 'application/json', ...given.headers })
      outgoing.end(given.bytes ?? (given.json === undefined ? '' : JSON.stringify(given.json)))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    uri: `http://127.0.0.1:${port}`,
    log,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const MISSING: StubAnswer = {
  status: 404,
  json: { error: { message: 'Table does not exist: shop.orders', type: 'NoSuchTableException', code: 404 } },
}

export const METADATA: TableMetadata = applyUpdates(
  undefined,
  newTableUpdates({
    schema: {
      fields: [{ id: 1, name: 'id', required: true, type: { kind: 'long' } }],
      identifierFieldIds: [],
    },
    location: 's3://lake/shop/orders',
    uuid: '9c12d441-03fe-4693-9a96-a0705ddf69c1',
  }),
  { nowMs: 1_700_000_000_000 },
)

/** A table, with what a test wants to be said about it. */
export function tableAnswer(
  about: Partial<TableAnswer> = {},
  headers: StubAnswer['headers'] = {},
): StubAnswer {
  const metadataLocation = 's3://lake/shop/orders/metadata/00000-a.metadata.json'
  return { bytes: encodeTableAnswer({ metadata: METADATA, metadataLocation, ...about }), headers }
}
