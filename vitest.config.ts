import { defineConfig } from 'vitest/config'

const ci = process.env.CI === 'true'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: ci ? 300_000 : 60_000,
    hookTimeout: ci ? 300_000 : 60_000,
    ...(ci ? { reporters: ['default', ['json', { outputFile: 'test-report.json' }]] } : {}),
  },
})
