// Prints the closing line of a run from vitest's report, and exits as the run did.
import { existsSync, readFileSync } from 'node:fs'

const status = Number(process.argv[2])
const report = existsSync('test-report.json')
  ? JSON.parse(readFileSync('test-report.json', 'utf8'))
  : undefined
const passed = report?.numPassedTests ?? 0
const skipped = (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0)
// A run that ended badly without a failed test (a suite that did not load, a failed build) counts as one failure.
const failed = Math.max(report?.numFailedTests ?? 0, status === 0 && passed > 0 ? 0 : 1)
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
process.exit(failed > 0 ? status || 1 : status)
