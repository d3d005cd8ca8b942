import { describe, expect, it } from 'vitest'
import { type ConfigurationSource, resolveCatalog } from '../../src/lake/configuration.js'
import { errorOf, kindOf } from '../support/errors.js'

const resolve = (source: Partial<ConfigurationSource>) => resolveCatalog({ environment: {}, ...source })
const file = JSON.stringify({
  default: 'prod',
  catalogs: {
    prod: {
      type: 'embedded',
      warehouse: '/data/lake',
      uri: 'sqlite:////data/catalog.db',
      'local.fsync': false,
    },
    dev: { warehouse: './dev' },
  },
})

describe('the catalog of a command', () => {
  it('is embedded in ./lake when nothing is said', () => {
    expect(resolve({})).toEqual({ type: 'embedded', warehouse: './lake' })
  })

  it('is the default of serac.json, with its properties as text', () => {
    expect(resolve({ file })).toEqual({
      type: 'embedded',
      warehouse: '/data/lake',
      uri: 'sqlite:////data/catalog.db',
      'local.fsync': 'false',
    })
  })

  it('is the one that the flag names, else the variable', () => {
    const environment = { SERAC_CATALOG: 'dev' }
    expect(resolve({ file, environment }).warehouse).toBe('./dev')
    expect(resolve({ file, environment, catalog: 'prod' }).warehouse).toBe('/data/lake')
  })

  it('takes its warehouse from the flag, else from the variable', () => {
    const environment = { SERAC_WAREHOUSE: '/env' }
    expect(resolve({ environment }).warehouse).toBe('/env')
    expect(resolve({ environment, warehouse: '/flag' }).warehouse).toBe('/flag')
  })

  it('is not in the catalog file of another warehouse', () => {
    expect(resolve({ file, warehouse: '/flag' })).not.toHaveProperty('uri')
    expect(resolve({ file, environment: { SERAC_WAREHOUSE: '/env' } })).not.toHaveProperty('uri')
    const both = { SERAC_WAREHOUSE: '/env', SERAC_URI: 'sqlite:////env.db' }
    expect(resolve({ file, environment: both }).uri).toBe('sqlite:////env.db')
    expect(resolve({ file, environment: { SERAC_URI: 'sqlite:////env.db' } })).toMatchObject({
      warehouse: '/data/lake',
      uri: 'sqlite:////env.db',
    })
  })

  it('takes any property from variables: two underscores are a dot, one is a dash', () => {
    const environment = {
      SERAC_TYPE: 'dynamodb',
      SERAC_DYNAMODB__TABLE_NAME: 'tables',
      SERAC_S3__PATH_STYLE_ACCESS: 'true',
      SERAC_JUDGES_DIR: '/elsewhere',
      SERAC_ACTOR: 'me',
    }
    expect(resolve({ environment })).toEqual({
      type: 'dynamodb',
      'dynamodb.table-name': 'tables',
      's3.path-style-access': 'true',
    })
  })

  it('takes properties of a named catalog from its own variables, also when serac.json does not know it', () => {
    const environment = {
      SERAC_CATALOG__DEV__S3__REGION: 'eu-west-1',
      SERAC_CATALOG__DEV__WAREHOUSE: 's3://b/dev',
    }
    expect(resolve({ file, environment, catalog: 'dev' })).toEqual({
      type: 'embedded',
      warehouse: 's3://b/dev',
      's3.region': 'eu-west-1',
    })
    expect(resolve({ environment, catalog: 'dev' })).toMatchObject({ warehouse: 's3://b/dev' })
    expect(resolve({ file, environment })).not.toHaveProperty('s3.region')
  })

  it('is a REST catalog when it has an address, and keeps it with another warehouse', () => {
    const environment = { SERAC_URI: 'http://127.0.0.1:8181' }
    expect(resolve({ environment })).toEqual({ type: 'rest', uri: 'http://127.0.0.1:8181' })
    const remote = JSON.stringify({
      default: 'r',
      catalogs: { r: { uri: 'https://host/api', warehouse: 'a' } },
    })
    expect(resolve({ file: remote, warehouse: 'b' })).toMatchObject({
      uri: 'https://host/api',
      warehouse: 'b',
    })
  })

  it('that is not configured is an error that says which are', () => {
    for (const catalog of ['nope', 'constructor']) {
      expect(errorOf(() => resolve({ file, catalog }))).toMatchObject({
        kind: 'invalid-argument',
        context: { catalog, configured: ['prod', 'dev'] },
      })
    }
  })

  it('needs a file that can be read as one', () => {
    for (const text of ['{', '[]', '1', '{"default":"a","catalogs":{"a":{"uri":{}}}}']) {
      expect(
        kindOf(() => resolve({ file: text })),
        text,
      ).toBe('invalid-argument')
    }
  })
})
