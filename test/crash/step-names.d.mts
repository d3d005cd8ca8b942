import type { FailingCatalogCall } from '../../src/catalog/failing.js'
import type { FailingCall } from '../../src/io/failing.js'

/** A namer for one run; it gives undefined for calls that change nothing. */
export function createStepNames(): (call: FailingCall | FailingCatalogCall) => string | undefined
