/** The hook that makes access to files for clients: whoever runs the server knows its storage. */
import type { LoadedTable } from '../catalog/catalog.js'
import type { RemoteSigningConfig, StorageCredential } from '../rest/load-table-json.js'

/** A table whose files are to be reached; one that is only staged is written before it is made. */
export type CredentialTable = Pick<LoadedTable, 'identifier' | 'metadata'>

export interface CredentialRequest {
  readonly principal: string
  readonly table: CredentialTable
  /** What the principal may do with the files below the table's location. */
  readonly access: 'read' | 'read-write'
  /** What the client can use: `vended-credentials`, `remote-signing`. */
  readonly mechanisms: readonly string[]
  readonly signal: AbortSignal
}

export interface VendedAccess {
  /** Properties over the catalog's, for this table. */
  readonly config?: Readonly<Record<string, string>> | undefined
  readonly storageCredentials?: readonly StorageCredential[] | undefined
  readonly remoteSigning?: RemoteSigningConfig | undefined
}

/** Makes access to the files of a table; undefined: the client uses its own. */
export type CredentialVendor = (request: CredentialRequest) => Promise<VendedAccess | undefined>
