/** Turns of writers on a table of items in memory. */
import { systemRuntime } from '../../src/base/runtime.js'
import { describeDynamoDbTurns } from '../contract/dynamodb-turns.js'
import { createMemoryItems } from './memory-items.js'

describeDynamoDbTurns('items in memory', async () => createMemoryItems({ runtime: systemRuntime }))
