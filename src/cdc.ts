/** Change feeds: `serac/cdc`. */
export { type ApplyFeedOptions, applyFeed, type FeedFormat } from './cdc/apply.js'
export { type FeedLine, feedLines, readFeedFiles } from './cdc/feed-lines.js'
export { type FeedPosition, parsePosition, printPosition } from './cdc/feed-position.js'
export type { FeedProgress, FeedReport, TableReport } from './cdc/feed-report.js'
export type { FeedTarget } from './cdc/followed-table.js'
export { type DeclaredTable, parseTypesFile } from './cdc/source-tables.js'
