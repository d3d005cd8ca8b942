import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type ServiceName, serviceIsHere, startService } from './service.js'

const NAMES: readonly ServiceName[] = ['dynamodb', 'versitygw', 'minio']

describe.each(NAMES)('%s', name => {
  it.skipIf(!serviceIsHere(name))(
    'starts as often as it is asked to, each time as another server',
    async () => {
      const [first, second] = await Promise.all([startService(name), startService(name)])
      expect(first.endpoint).not.toBe(second.endpoint)
      await first.stop()
      expect(await answers(first.endpoint)).toBe(false)
      expect(await answers(second.endpoint)).toBe(true)
      await second.stop()
      expect(await answers(second.endpoint)).toBe(false)
    },
  )
})

describe.skipIf(!serviceIsHere('versitygw'))('a server', () => {
  it.each(['SIGKILL', 'SIGTERM'] as const)('ends with who started it, by %s', async signal => {
    const starter = spawn(process.execPath, [join(import.meta.dirname, 'servers.mjs'), 'versitygw'])
    let said = ''
    starter.stdout.on('data', chunk => {
      said += chunk
    })
    while (!said.includes('s3.endpoint=') || !said.endsWith('\n')) await once(starter.stdout, 'data')
    const endpoint = /s3\.endpoint=(.*)/.exec(said)?.[1] ?? ''
    expect(await answers(endpoint)).toBe(true)
    starter.kill(signal)
    await once(starter, 'exit')
    while (await answers(endpoint)) await new Promise(resolve => setTimeout(resolve, 20))
  })
})

async function answers(endpoint: string): Promise<boolean> {
  return await fetch(endpoint).then(
    () => true,
    () => false,
  )
}
