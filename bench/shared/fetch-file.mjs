// A `fetch` that knows local files, for icebird, whose npm release reads over HTTP only.
import { statSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'

export async function fetchFile(url, init = {}) {
  const path = String(url).replace(/^file:\/\//, '')
  const size = statSync(path).size
  if (init.method === 'HEAD') return new Response(null, { headers: { 'content-length': String(size) } })
  const range = /bytes=(\d+)-(\d*)/.exec(new Headers(init.headers).get('range') ?? '')
  if (range === null) return new Response(await readFile(path))
  const from = Number(range[1])
  const to = range[2] === '' ? size - 1 : Number(range[2])
  const bytes = new Uint8Array(to - from + 1)
  const file = await open(path)
  await file.read(bytes, 0, bytes.length, from)
  await file.close()
  return new Response(bytes, { status: 206, headers: { 'content-range': `bytes ${from}-${to}/${size}` } })
}
