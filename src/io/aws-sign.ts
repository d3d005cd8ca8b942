/**
 * Signatures (version 4) for requests that the SDK does not send: REST catalogs of AWS, that is Glue and S3 Tables.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
import type { Runtime } from '../base/runtime.js'
import { type AwsCredentialsProvider, keptCredentials } from './aws-config.js'

export interface SignableRequest {
  readonly method: string
  readonly url: string | URL
  /** All that is sent but `host`, which is added; what is signed may not change afterwards. */
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | undefined
}

/** Gives the headers to send: those of the request with `host`, date, payload hash, token and `authorization`. */
export type RequestSigner = (request: SignableRequest) => Promise<Readonly<Record<string, string>>>

export interface SignerOptions {
  /** As `awsCredentials` gives it; kept until it is about to end. */
  readonly credentials: AwsCredentialsProvider
  readonly region: string
  /** The name that is signed: `glue`, `s3tables`, `execute-api`. */
  readonly service: string
  readonly runtime: Runtime
}

/** A signer for one service in one region. Loads the signing code. */
export async function awsSigner(options: SignerOptions): Promise<RequestSigner> {
  const [{ SignatureV4 }, { Sha256 }] = await Promise.all([
    import('@smithy/signature-v4'),
    import('@aws-crypto/sha256-js'),
  ])
  const signature = new SignatureV4({
    credentials: keptCredentials(options.credentials, options.runtime),
    region: options.region,
    service: options.service,
    sha256: Sha256,
  })
  return async request => {
    const url = new URL(request.url)
    const signed = await signature.sign(
      {
        method: request.method,
        protocol: url.protocol,
        hostname: url.hostname,
        ...(url.port === '' ? {} : { port: Number(url.port) }),
        path: url.pathname,
        query: queryOf(url),
        headers: { ...request.headers, host: url.host },
        body: request.body,
      },
      { signingDate: options.runtime.nowMs() / 1000 },
    )
    return signed.headers
  }
}

function queryOf(url: URL): Record<string, string | string[]> {
  const query: Record<string, string | string[]> = {}
  for (const name of new Set(url.searchParams.keys())) {
    const values = url.searchParams.getAll(name)
    query[name] = values.length === 1 ? (values[0] ?? '') : values
  }
  return query
}
