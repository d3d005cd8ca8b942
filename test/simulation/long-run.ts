/** Many worlds, one after the other: the process that `run.mjs` starts. Prints one report as JSON. */
import { CATALOG_KINDS } from './catalogs.js'
import { runSeeds } from './seeds.js'

const [from = '1', count = '10', commits = '100', only = ''] = process.argv.slice(2)
const kinds = only === '' ? CATALOG_KINDS : CATALOG_KINDS.filter(kind => kind === only)
const report = await runSeeds({ from: Number(from), count: Number(count), commits: Number(commits), kinds })
console.log(JSON.stringify(report))
