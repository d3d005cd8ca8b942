/** The version of serac, as in package.json (`test/docs.test.ts` compares them). */
export const VERSION = '0.1.0'
