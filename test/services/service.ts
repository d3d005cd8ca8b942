/**
 * Real servers for suites: DynamoDB Local, versitygw and MinIO. `test/services/setup.sh` installs them. Without them
 * the suites are skipped; with CI=true they must run. Where the servers differ from AWS, tests use `fault-proxy.ts`.
 *
 *   const service = await startService('dynamodb')        // beforeAll; an instance of one's own
 *   await service.stop()                                  // afterAll
 */
import { BUCKET, isInstalled, propertiesAt, type Service, type ServiceName, startServer } from './servers.mjs'

export type { Service, ServiceName } from './servers.mjs'

/** The bucket that both S3 servers have from the start. */
export const TEST_BUCKET: string = BUCKET

/** False only where the service is missing and may be: outside CI. */
export function serviceIsHere(name: ServiceName): boolean {
  return process.env.CI === 'true' || isInstalled(name)
}

/** An own instance, empty but for `TEST_BUCKET`. It ends with this process if nobody stops it. */
export function startService(name: ServiceName): Promise<Service> {
  return startServer(name)
}

/** What a catalog or store takes to reach the service at another address: a fault proxy's. */
export function serviceProperties(name: ServiceName, endpoint: string): Readonly<Record<string, string>> {
  return propertiesAt(name, endpoint)
}
