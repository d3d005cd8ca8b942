/**
 * What a REST catalog configures its clients with, the answer of `GET /v1/config`.
 * @see Iceberg REST catalog specification, CatalogConfig
 */
import type { JsonObject } from '../base/json.js'
import { corruptField, optionalText, textMapOf, textsOf } from '../base/json-fields.js'
import { given } from '../metadata/snapshot-json.js'

export interface CatalogConfig {
  /** Under the client's own properties. */
  readonly defaults: Readonly<Record<string, string>>
  /** Over the client's own properties. */
  readonly overrides: Readonly<Record<string, string>>
  /** `GET /v1/{prefix}/namespaces` and so on; undefined when the server says nothing. */
  readonly endpoints?: readonly string[] | undefined
  /** How long a key of a request is remembered; undefined: the server knows no such keys. */
  readonly idempotencyKeyLifetimeMs?: number | undefined
}

/** @throws corrupt */
export function parseCatalogConfig(json: JsonObject): CatalogConfig {
  const lifetime = optionalText(json, 'idempotency-key-lifetime')
  return {
    defaults: textMapOf(json, 'defaults'),
    overrides: textMapOf(json, 'overrides'),
    ...given('endpoints', textsOf(json, 'endpoints')),
    ...given('idempotencyKeyLifetimeMs', lifetime === undefined ? undefined : parseDuration(lifetime)),
  }
}

export function serializeCatalogConfig(config: CatalogConfig): JsonObject {
  const lifetimeMs = config.idempotencyKeyLifetimeMs
  return {
    defaults: config.defaults,
    overrides: config.overrides,
    ...given('endpoints', config.endpoints),
    ...given('idempotency-key-lifetime', lifetimeMs === undefined ? undefined : printDuration(lifetimeMs)),
  }
}

const DURATION = /^P(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})(?:\.(\d{1,9}))?S)?)?$/i

/** An ISO-8601 duration of days and less. */
function parseDuration(text: string): number {
  const match = DURATION.exec(text)
  if (match === null || /^PT?$/i.test(text))
    throw corruptField('idempotency-key-lifetime', 'ISO-8601 duration')
  const [days, hours, minutes, seconds] = match.slice(1, 5).map(part => Number(part ?? 0))
  const whole = (((days ?? 0) * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0)
  return whole * 1000 + Math.floor(Number(`0.${match[5] ?? 0}`) * 1000)
}

function printDuration(ms: number): string {
  return ms % 60_000 === 0 && ms > 0 ? `PT${ms / 60_000}M` : `PT${ms / 1000}S`
}
