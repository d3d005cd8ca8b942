/** A line for each change of the catalog: who, what, and what became of it. */
import { isLakeError } from '../base/errors.js'
import type { RestRequest } from './rest-route.js'
import type { ServerContext } from './server-context.js'
import type { LogValue } from './server-log.js'

export interface AuditedChange {
  readonly action: string
  readonly [member: string]: LogValue
}

/** Writes the line of a change that was tried. */
export function audit(
  { log }: Pick<ServerContext, 'log'>,
  { principal }: Pick<RestRequest, 'principal'>,
  change: AuditedChange & { readonly outcome: string },
): void {
  log.write('audit', { principal: principal.name, ...change })
}

/** Makes the change and writes its line, also when it fails. */
export async function audited<T>(
  context: Pick<ServerContext, 'log'>,
  request: Pick<RestRequest, 'principal'>,
  change: AuditedChange,
  make: () => Promise<T>,
): Promise<T> {
  try {
    const made = await make()
    audit(context, request, { ...change, outcome: 'done' })
    return made
  } catch (error) {
    audit(context, request, { ...change, outcome: isLakeError(error) ? error.kind : 'failed' })
    throw error
  }
}
