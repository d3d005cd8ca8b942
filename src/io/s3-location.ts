/**
 * Locations in S3: `s3://<bucket>/<key>`, and `s3a:` and `s3n:`, which name the same objects. The key is taken literally:
 * percent signs, spaces, double slashes and dots are part of it.
 */
import { LakeError } from '../base/errors.js'

export interface S3Location {
  readonly bucket: string
  readonly key: string
}

const PATTERN = /^s3[an]?:\/\/([^/]+)(?:\/([\s\S]*))?$/i

/** A location, or how one begins: the key may be empty. @throws invalid-argument when it names no bucket */
export function parseS3Prefix(location: string): S3Location {
  const match = PATTERN.exec(location)
  if (match?.[1] !== undefined) return { bucket: match[1], key: match[2] ?? '' }
  throw new LakeError('invalid-argument', 'the location does not name a bucket of S3', {
    context: { location },
  })
}

/** The location of an object. @throws invalid-argument when it names no bucket or no key */
export function parseS3Location(location: string): S3Location {
  const parsed = parseS3Prefix(location)
  if (parsed.key !== '') return parsed
  throw new LakeError('invalid-argument', 'the location does not name an object of S3', {
    context: { location },
  })
}
