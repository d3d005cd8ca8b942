/**
 * The model test in its long form, on what is in src/ now:
 *
 *   node test/model/run.mjs --seeds 5000 --from 1      every seed is one run; failures print theirs
 *   node test/model/run.mjs --only 4711 [--shrink]     one seed again, its steps printed; without those that it does not take
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'

const folder = import.meta.dirname
const root = resolve(folder, '../..')
// Below node_modules, so that the packages are found from there and nobody looks at what is in it.
const cache = join(root, 'node_modules/.cache')
mkdirSync(cache, { recursive: true })
const out = mkdtempSync(join(cache, 'serac-model-'))
try {
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
  const compiled = spawnSync(process.execPath, [compiler, '-p', folder, '--outDir', out], {
    encoding: 'utf8',
  })
  const main = join(out, 'test/model/long-run.js')
  if (!existsSync(main)) throw new Error(compiled.stdout)
  const { status } = spawnSync(process.execPath, [main, ...process.argv.slice(2)], { stdio: 'inherit' })
  process.exitCode = status ?? 1
} finally {
  rmSync(out, { recursive: true, force: true })
}
