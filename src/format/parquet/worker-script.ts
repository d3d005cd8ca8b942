/** Where the workers' entry stands: beside this file once compiled, and not there when running from TypeScript. */
export const WORKER_SCRIPT: URL = new URL('./worker.js', import.meta.url)
