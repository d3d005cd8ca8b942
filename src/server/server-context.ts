/** What every route of a server shares. */
import type { Runtime } from '../base/runtime.js'
import type { Catalog } from '../catalog/catalog.js'
import type { FileIO } from '../io/file-io.js'
import type { Lake } from '../lake/lake.js'
import type { CredentialVendor } from './credential-vendor.js'
import type { ServerLimits } from './limits.js'
import type { PlanStore } from './plan-store.js'
import type { ServerLog } from './server-log.js'
import type { ServerMetrics } from './server-metrics.js'

export interface ServerContext {
  readonly lake: Lake
  readonly catalog: Catalog
  readonly io: FileIO
  readonly runtime: Runtime
  readonly log: ServerLog
  readonly metrics: ServerMetrics
  readonly plans: PlanStore
  readonly limits: ServerLimits
  /** Properties for clients, under their own. */
  readonly clientProperties: Readonly<Record<string, string>>
  readonly vendor?: CredentialVendor | undefined
  /** Below these, files of any table are opened for principals that read it. */
  readonly readableLocations: readonly string[]
}
