/** The lakes that the runs start from. */
import { fillSourceTables } from '../support/cdc-lake.js'
import { type ClosedLake, newClosedLake, openAs } from './memory-lake.js'

const SEED = 100

/** The source's tables as they were before the feed. */
export async function filledLake(folder: string): Promise<ClosedLake> {
  const filled = newClosedLake(folder)
  const { lake } = await openAs(filled, SEED)
  await fillSourceTables(lake, 2)
  await lake.close()
  return filled
}

export async function emptyLake(folder: string): Promise<ClosedLake> {
  const empty = newClosedLake(folder)
  const { lake } = await openAs(empty, SEED)
  await lake.close()
  return empty
}
