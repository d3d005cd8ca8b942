/** The version alone, for callers that must not load the engine. */
export { VERSION } from './base/version.js'
