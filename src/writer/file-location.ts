/**
 * Where the files of one operation go and what they are called. Every name carries the operation's uuid, so
 * names are unique and orphan removal can tell whose file it is:
 *
 *   <data location>/<partition path>/<partition>-<task>-<operation uuid>-<n>.parquet
 *
 * With `write.object-storage.enabled` hash folders come first, so that an object store spreads the load.
 * @see Iceberg documentation, "write.data.path", "Object Store File Layout"
 */
import { utf8Encode } from '../base/bytes.js'
import { joinLocation } from '../io/location.js'
import { dataFolder, objectStorageEnabled, objectStoragePartitionedPaths } from '../metadata/properties.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { murmur3 } from '../schema/murmur3.js'

/** Bits of the hash in the object-store layout, and how they are cut into folders. */
const HASH_BITS = 20
const HASH_FOLDER_BITS = 4
const HASH_FOLDERS = 3

/** Gives each file of one operation its location. */
export interface FileNaming {
  readonly operationUuid: string
  /** The next data file in a partition; the path is empty for unpartitioned tables. */
  dataFile(partitionPath: string): string
  /** The next position delete file in a partition. */
  deleteFile(partitionPath: string): string
  /** The next Puffin file of deletion vectors; it serves any number of partitions. */
  puffinFile(): string
}

/** @param options.taskId tells the attempts of one operation apart */
export function fileNaming(
  metadata: TableMetadata,
  options: { readonly operationUuid: string; readonly taskId?: number | undefined },
): FileNaming {
  const place = placement(metadata)
  let count = 0
  const next = (suffix: string): string => {
    count++
    return `00000-${options.taskId ?? 0}-${options.operationUuid}-${String(count).padStart(5, '0')}${suffix}`
  }
  return {
    operationUuid: options.operationUuid,
    dataFile: partitionPath => place(partitionPath, next('.parquet')),
    deleteFile: partitionPath => place(partitionPath, next('-deletes.parquet')),
    puffinFile: () => place('', next('-deletes.puffin')),
  }
}

/** Joins a partition path and a file name under the table's data folder. */
function placement(metadata: TableMetadata): (partitionPath: string, name: string) => string {
  const root = dataFolder(metadata)
  if (!objectStorageEnabled(metadata)) return (partitionPath, name) => joinLocation(root, partitionPath, name)
  const { location } = metadata
  const context = root.startsWith(location) ? '' : location.split('/').slice(-2).join('/')
  const partitioned = objectStoragePartitionedPaths(metadata)
  return (partitionPath, name) => {
    const path = partitioned && partitionPath !== '' ? `${partitionPath}/${name}` : name
    const hash = hashFolders(path)
    const plain = context === '' && !partitioned
    return plain ? joinLocation(root, `${hash}-${path}`) : joinLocation(root, hash, context, path)
  }
}

/** The low bits of the name's hash as binary text, cut into folders: `0110/1010/0011/11101111`. */
function hashFolders(path: string): string {
  const bits = (murmur3(utf8Encode(path)) >>> 0).toString(2).padStart(32, '0').slice(-HASH_BITS)
  const folders: string[] = []
  for (let folder = 0; folder < HASH_FOLDERS; folder++) {
    folders.push(bits.slice(folder * HASH_FOLDER_BITS, (folder + 1) * HASH_FOLDER_BITS))
  }
  return [...folders, bits.slice(HASH_FOLDERS * HASH_FOLDER_BITS)].join('/')
}
