export type ServiceName = 'dynamodb' | 'versitygw' | 'minio'

export interface Service {
  /** Where it answers: an http address without a path. */
  readonly endpoint: string
  /** What a catalog or store takes: endpoint, region, credentials, and for S3 the style of its paths. */
  readonly properties: Readonly<Record<string, string>>
  /** Ends the server and removes what it held. */
  stop(): Promise<void>
}

/** Where `setup.sh` has put things. */
export const SERVICES_DIR: string

/** The bucket that both S3 servers have from the start. */
export const BUCKET: string

export function isInstalled(name: ServiceName | 'spin'): boolean

export function startServer(name: ServiceName): Promise<Service>

/** The same server's properties at another address: a proxy's. */
export function propertiesAt(name: ServiceName, endpoint: string): Readonly<Record<string, string>>
