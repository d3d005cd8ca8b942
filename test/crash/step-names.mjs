/**
 * Names of the steps at which a process may stop: before and after everything that changes storage or catalog.
 *
 *   before write shop/orders/metadata/<uuid>-m0.avro       after commit shop.customers, shop.orders #2
 *
 * What differs between two runs (uuids, ids) is left out and equal names are numbered, so that a step is found
 * again in another run, whatever the order in which tables are worked on. JavaScript, for the child processes too.
 */
const READS = new Set([
  'read',
  'stat',
  'list',
  'loadTable',
  'tableExists',
  'listTables',
  'listNamespaces',
  'loadNamespace',
  'defaultTableLocation',
])

/** @see step-names.d.mts */
export function createStepNames() {
  const seen = new Map()
  return call => {
    if (READS.has(call.verb)) return undefined
    const subject = 'location' in call ? fileName(call.location) : tableNames(call.changes)
    const name = `${call.phase} ${call.verb} ${subject}`.trim()
    const count = (seen.get(name) ?? 0) + 1
    seen.set(name, count)
    return count === 1 ? name : `${name} #${count}`
  }
}

function fileName(location) {
  const below = location.slice(Math.max(0, location.lastIndexOf('/lake/') + '/lake/'.length))
  return below
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uuid>')
    .replace(/snap-\d+/, 'snap-<id>')
}

function tableNames(changes) {
  const names = changes.map(({ identifier }) => [...identifier.namespace, identifier.name].join('.'))
  return names.sort().join(', ')
}
