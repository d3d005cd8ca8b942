/**
 * JSON of the statistics files, partition statistics files and encryption keys that metadata names.
 * @see Iceberg table spec, "Table Statistics", "Partition Statistics", "Encryption Keys"
 */
import type { JsonObject } from '../base/json.js'
import {
  intsOf,
  objectsOf,
  optionalText,
  requiredInt,
  requiredLong,
  requiredText,
  textMapOf,
} from '../base/json-fields.js'
import { given } from './snapshot-json.js'
import type { BlobMetadata, EncryptedKey, PartitionStatisticsFile, StatisticsFile } from './table-metadata.js'

/** Blob types nobody knows are kept. @throws corrupt */
export function parseStatisticsFile(json: JsonObject): StatisticsFile {
  return {
    snapshotId: requiredLong(json, 'snapshot-id'),
    statisticsPath: requiredText(json, 'statistics-path'),
    fileSizeBytes: requiredInt(json, 'file-size-in-bytes'),
    fileFooterSizeBytes: requiredInt(json, 'file-footer-size-in-bytes'),
    ...given('keyMetadata', optionalText(json, 'key-metadata')),
    blobMetadata: objectsOf(json, 'blob-metadata').map(parseBlobMetadata),
  }
}

export function serializeStatisticsFile(file: StatisticsFile): JsonObject {
  return {
    'snapshot-id': file.snapshotId,
    'statistics-path': file.statisticsPath,
    'file-size-in-bytes': file.fileSizeBytes,
    'file-footer-size-in-bytes': file.fileFooterSizeBytes,
    ...given('key-metadata', file.keyMetadata),
    'blob-metadata': file.blobMetadata.map(serializeBlobMetadata),
  }
}

function parseBlobMetadata(json: JsonObject): BlobMetadata {
  return {
    type: requiredText(json, 'type'),
    snapshotId: requiredLong(json, 'snapshot-id'),
    sequenceNumber: requiredLong(json, 'sequence-number'),
    fields: intsOf(json, 'fields'),
    properties: textMapOf(json, 'properties'),
  }
}

function serializeBlobMetadata(blob: BlobMetadata): JsonObject {
  return {
    type: blob.type,
    'snapshot-id': blob.snapshotId,
    'sequence-number': blob.sequenceNumber,
    fields: blob.fields,
    properties: blob.properties,
  }
}

/** @throws corrupt */
export function parsePartitionStatisticsFile(json: JsonObject): PartitionStatisticsFile {
  return {
    snapshotId: requiredLong(json, 'snapshot-id'),
    statisticsPath: requiredText(json, 'statistics-path'),
    fileSizeBytes: requiredInt(json, 'file-size-in-bytes'),
  }
}

export function serializePartitionStatisticsFile(file: PartitionStatisticsFile): JsonObject {
  return {
    'snapshot-id': file.snapshotId,
    'statistics-path': file.statisticsPath,
    'file-size-in-bytes': file.fileSizeBytes,
  }
}

/** @throws corrupt */
export function parseEncryptedKey(json: JsonObject): EncryptedKey {
  return {
    keyId: requiredText(json, 'key-id'),
    encryptedKeyMetadata: requiredText(json, 'encrypted-key-metadata'),
    ...given('encryptedById', optionalText(json, 'encrypted-by-id')),
    properties: textMapOf(json, 'properties'),
  }
}

export function serializeEncryptedKey(key: EncryptedKey): JsonObject {
  return {
    'key-id': key.keyId,
    'encrypted-key-metadata': key.encryptedKeyMetadata,
    ...given('encrypted-by-id', key.encryptedById),
    ...(Object.keys(key.properties).length === 0 ? {} : { properties: key.properties }),
  }
}
