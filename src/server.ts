/** Package `serac/server`: the REST catalog over a lake. */
export type { CredentialRequest, CredentialVendor, VendedAccess } from './server/credential-vendor.js'
export type { Access, Grant, Principal } from './server/grants.js'
export type { ServerLimits } from './server/limits.js'
export { parsePrincipals } from './server/principals-json.js'
export { type RunningServer, type ServerOptions, type ServerTls, startServer } from './server/server.js'
export { type LogRecord, logLine } from './server/server-log.js'
export type { TokenHolder } from './server/tokens.js'
