/**
 * Maxwell's daemon (MySQL, MariaDB): one JSON object a line.
 *
 *   {"database","table","type":"insert"|"update"|"delete","ts","xid","xoffset","position","data","old"}
 *   {... "xid","commit":true}                      the last row of a transaction, which has no xoffset
 *   {"type":"bootstrap-start"} {"type":"bootstrap-insert"}... {"type":"bootstrap-complete"}
 *   {"type":"table-alter","sql","old":{...},"def":{"columns","primary-key"},"position","ts"}   with --output_ddl
 *
 * Options of Maxwell that matter: `output_commit_info` (its default) must be on. `output_binlog_position` gives
 * positions in the binary log; without it they are lines, which hold for this feed only. `output_primary_key_columns`
 * or `output_ddl` names keys; else `--keys` does, and a table without is taken to have none. `output_ddl` brings
 * changes of columns. TRUNCATE is in no feed of Maxwell's.
 *
 * A transaction's position is that of its last row. Where a filter took away the row with the commit mark, the
 * transaction ends with the first row that stands behind it in the log. Rows that come again, after Maxwell was
 * restarted, begin their transaction anew.
 *
 * A bootstrap reads a table while the log goes on. Its rows stand where the log was when it began: whatever
 * changed since comes after them, rows that Maxwell held back included. They are handed on in parts that end at the
 * same rows whenever the feed is read.
 */
import { type ExactJsonObject, JsonNumber } from '../../base/json.js'
import type { FeedContext, SourceTransaction } from '../change-event.js'
import { type FeedLine, isExactObject, parseFeedJson } from '../feed-lines.js'
import { parseBinlog } from '../feed-position.js'
import { createBootstraps } from './bootstrap.js'
import { checkReadable, createRowReader } from './changes.js'
import { createGrouping, type RowOrigin } from './grouping.js'
import { corrupt, createMaxwellTables } from './tables.js'

/** The database in which Maxwell keeps its own state. */
const OWN_DATABASE = 'maxwell'

/**
 * @throws corrupt with the line's number; unsupported for encrypted rows and feeds without transaction marks;
 * invalid-argument for positions of two logs. Rows that cannot be read, or whose types nothing says, are poison
 */
export async function* readMaxwell(
  lines: AsyncIterable<FeedLine>,
  context: FeedContext,
): AsyncGenerator<SourceTransaction> {
  const tables = createMaxwellTables(context)
  const rows = createRowReader(context)
  const grouping = createGrouping(context)
  const bootstraps = createBootstraps(context, grouping)

  const readRow = async function* (
    record: ExactJsonObject,
    line: FeedLine,
  ): AsyncGenerator<SourceTransaction> {
    if (record.database === OWN_DATABASE) {
      context.onIgnored("row of Maxwell's own")
      bootstraps.announce(record)
      yield* grouping.add(originOf(record, line), [])
      return
    }
    const event = rows.read(record, await tables.tableOf(record, line), line)
    if (record.type === 'bootstrap-insert' || bootstraps.holds(record, line)) {
      yield* bootstraps.add(record, event, line)
      return
    }
    yield* bootstraps.beforeRow(record, line)
    yield* grouping.add(originOf(record, line), [event])
  }
  for await (const line of lines) {
    const record = readRecord(line)
    switch (record.type) {
      case 'insert':
      case 'update':
      case 'delete':
      case 'bootstrap-insert':
        yield* readRow(record, line)
        break
      case 'bootstrap-start':
        yield* bootstraps.start(record, line)
        break
      case 'bootstrap-complete':
        yield* bootstraps.complete(record, line)
        break
      case 'table-create':
      case 'table-alter':
      case 'table-drop':
        yield* grouping.addDefinition(definitionOrigin(record, line), await tables.define(record, line))
        break
      default:
        context.onIgnored(String(record.type))
    }
  }
  grouping.finish()
  bootstraps.finish()
}

function readRecord(line: FeedLine): ExactJsonObject {
  const record = parseFeedJson(line)
  if (!isExactObject(record)) throw corrupt('a line of the feed is not a JSON object', line)
  checkReadable(record, line)
  return record
}

function originOf(record: ExactJsonObject, line: FeedLine): RowOrigin {
  const { xid, xoffset, commit, position, ts } = record
  const at = typeof position === 'string' ? parseBinlog(position) : undefined
  if (at === undefined && position !== undefined)
    throw corrupt('a position of the feed is none of a binary log', line)
  return {
    xid: xid instanceof JsonNumber ? xid.text : undefined,
    commits: commit === true,
    xoffset: xoffset instanceof JsonNumber ? Number(xoffset.text) : undefined,
    position: at,
    atMs: ts instanceof JsonNumber ? Number(ts.text) * 1000 : undefined,
    line: line.number,
  }
}

/** Rows have whole seconds, definitions milliseconds. */
function definitionOrigin(record: ExactJsonObject, line: FeedLine): RowOrigin {
  const origin = originOf(record, line)
  return { ...origin, atMs: origin.atMs === undefined ? undefined : origin.atMs / 1000 }
}
