/** Change feeds: `serac/cdc`. */
export {
  type ApplyFeedOptions,
  applyFeed,
  type FeedFormat,
  type FeedProgress,
  type FeedReport,
  type TableReport,
} from './cdc/apply.js'
export { type FeedLine, feedLines, readFeedFiles } from './cdc/feed-lines.js'
export { type FeedPosition, parsePosition, printPosition } from './cdc/feed-position.js'
export { type DeclaredTable, parseTypesFile } from './cdc/source-tables.js'
