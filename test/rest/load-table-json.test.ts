/** Tables in answers: the bytes of a metadata file go in and come out as they are. */
import { describe, expect, it } from 'vitest'
import { utf8Decode, utf8Encode } from '../../src/base/bytes.js'
import { isLazy } from '../../src/metadata/lazy-list.js'
import { decodeTableMetadata, encodeTableMetadata } from '../../src/metadata/stored-metadata.js'
import type { Snapshot, TableMetadata } from '../../src/metadata/table-metadata.js'
import {
  decodeTableAnswer,
  encodeTableAnswer,
  parseStorageCredentials,
  serializeStorageCredentials,
  type TableAnswer,
} from '../../src/rest/load-table-json.js'
import { METADATA } from '../catalog/rest-stub.js'
import { kindOf } from './kind-of.js'

const SOURCE = { source: 'http://h/v1/namespaces/a/tables/b' }
const ANSWER: TableAnswer = {
  metadataLocation: 's3://lake/"quoted"/v1.metadata.json',
  metadata: METADATA,
  config: { token: 't' },
  storageCredentials: [{ prefix: 's3://lake', config: { 's3.access-key-id': 'k' } }],
  remoteSigning: { properties: { p: 'q' }, headers: { h: ['1', '2'] } },
}

function withSnapshots(count: number): TableMetadata {
  const snapshots = Array.from({ length: count }, (_, index): Snapshot => {
    const snapshotId = 9_000_000_000_000_000_000n + BigInt(index)
    return {
      snapshotId,
      sequenceNumber: BigInt(index + 1),
      timestampMs: index,
      manifestList: 'l',
      summary: {},
    }
  })
  return { ...METADATA, lastSequenceNumber: BigInt(count), snapshots }
}

describe('a table in an answer', () => {
  it('comes back with everything that was said about it', () => {
    expect(decodeTableAnswer(encodeTableAnswer(ANSWER), SOURCE)).toEqual(ANSWER)
    const staged = { metadata: METADATA, config: {}, storageCredentials: [] }
    expect(decodeTableAnswer(encodeTableAnswer({ metadata: METADATA }), SOURCE)).toEqual(staged)
  })

  it('is the bytes of its file, exactly', () => {
    const metadataBytes = utf8Encode(`  ${utf8Decode(encodeTableMetadata(METADATA)).replace('{', '{ ')}`)
    const bytes = encodeTableAnswer(ANSWER, { metadataBytes })
    expect(utf8Decode(bytes)).toContain(utf8Decode(metadataBytes))
    expect(JSON.parse(utf8Decode(bytes))).toMatchObject({ 'metadata-location': ANSWER.metadataLocation })
    expect(decodeTableAnswer(bytes, SOURCE)).toEqual(ANSWER)
  })

  it('with a long history is not parsed, neither to be sent nor to be taken', () => {
    const file = encodeTableMetadata(withSnapshots(2000))
    const stored = decodeTableMetadata(file, { location: 'f' })
    const bytes = encodeTableAnswer({ metadata: stored })
    const { metadata } = decodeTableAnswer(bytes, SOURCE)
    expect(isLazy(stored.snapshots) && isLazy(metadata.snapshots)).toBe(true)
    expect(metadata.snapshots.at(-1)?.snapshotId).toBe(9_000_000_000_000_001_999n)
    expect(encodeTableMetadata(metadata)).toEqual(file)
  })

  it('is the one that is known already when it is in the same file', () => {
    const known = { metadataLocation: ANSWER.metadataLocation, metadata: withSnapshots(1) }
    expect(decodeTableAnswer(encodeTableAnswer(ANSWER), { ...SOURCE, known }).metadata).toBe(known.metadata)
    const moved = encodeTableAnswer({ ...ANSWER, metadataLocation: 'other' })
    expect(decodeTableAnswer(moved, { ...SOURCE, known }).metadata).toEqual(METADATA)
  })

  it('that is none is corrupt', () => {
    for (const text of ['', '{}', '[]', '{"metadata": null}', '{"metadata": {}', '{"metadata": {}}'])
      expect(
        kindOf(() => decodeTableAnswer(utf8Encode(text), SOURCE)),
        text,
      ).toBe('corrupt')
  })

  it('gets its credentials again in the same form', () => {
    const { storageCredentials } = ANSWER
    expect(parseStorageCredentials(serializeStorageCredentials(storageCredentials))).toEqual(
      storageCredentials,
    )
    expect(kindOf(() => parseStorageCredentials({ 'storage-credentials': [{ prefix: 'x' }, 1] }))).toBe(
      'corrupt',
    )
  })
})
