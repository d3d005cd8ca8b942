// Where commits go: S3 with DynamoDB, the same behind `serac serve`, and S3 with a SQLite file as the catalog.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { BUCKET, startServer } from '../../test/services/servers.mjs'

/**
 * Starts the servers. `of(engine)` tells its place: `owner`, how serac opens the catalog itself, and `client`, how
 * writers do, by PyIceberg's property names.
 */
export async function openPlaces({ dist, folder, store }) {
  const [items, objects] = await Promise.all([startServer('dynamodb'), startServer(store)])
  const dynamodb = {
    type: 'dynamodb',
    warehouse: `s3://${BUCKET}/dynamodb`,
    properties: { ...items.properties, ...objects.properties },
  }
  const sql = {
    type: 'embedded',
    warehouse: `s3://${BUCKET}/sql`,
    uri: `sqlite:///${join(folder, 'catalog.db')}`,
    properties: objects.properties,
  }
  const server = await serve(dynamodb, { dist, folder })
  const rest = { type: 'rest', uri: server.uri, properties: objects.properties }
  const { connect } = await import(pathToFileURL(join(dist, 'index.js')).href)
  const owners = { dynamodb: await connect(dynamodb), sql: await connect(sql) }
  const places = {
    dynamodb: { owner: owners.dynamodb, client: dynamodb },
    rest: { owner: owners.dynamodb, client: rest },
    sql: { owner: owners.sql, client: sql },
  }
  return {
    of: engine => places[engine.split('-').at(-1)],
    async close() {
      for (const owner of Object.values(owners)) await owner.close()
      await server.close()
      await Promise.all([items.stop(), objects.stop()])
    },
  }
}

async function serve({ properties, ...catalog }, { dist, folder }) {
  const configuration = { default: 'bench', catalogs: { bench: { ...catalog, ...properties } } }
  writeFileSync(join(folder, 'serac.json'), JSON.stringify(configuration))
  const child = spawn(
    process.execPath,
    [join(dist, 'cli/main.js'), 'serve', '--port', '0', '--quiet', '--json'],
    {
      cwd: folder,
      stdio: ['ignore', 'pipe', openSync(join(folder, 'serve.log'), 'w')],
    },
  )
  let said = ''
  child.stdout.on('data', chunk => {
    said += chunk
  })
  while (!/http:\/\/[^"\s]+/.test(said)) await once(child.stdout, 'data')
  return {
    uri: /http:\/\/[^"\s]+/.exec(said)[0],
    async close() {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    },
  }
}
