/**
 * What became of the files that the attempts of one commit wrote. A file moves one way only:
 *
 * ```
 * pending --(swap not sent, or certainly refused)--> refused --(a later attempt uses it again)--> pending
 *    |----(swap accepted)--------------------------> published
 *    +----(it may have landed)---------------------> doubtful: never deleted by anyone here
 * ```
 *
 * Only `refused` files that are neither published nor doubtful are garbage. A refusal that turns out to be none makes all
 * of them doubtful.
 */
export interface WrittenFiles {
  /** An attempt refers to these files; its swap is about to be sent. */
  begin(locations: readonly string[]): void
  /** Nothing that refers to the pending files was published. */
  refused(): void
  published(): void
  doubtful(): void
  /** A swap that was called refused has landed, or may have: no file of the operation is garbage. */
  doubtRefusals(): void
  /** True when some swap may have landed without our knowing. */
  readonly hasDoubt: boolean
  /** True when a swap was accepted. */
  readonly hasPublished: boolean
  /** Files that certainly nothing refers to. */
  garbage(): readonly string[]
}

export function trackWrittenFiles(): WrittenFiles {
  let pending: readonly string[] = []
  const refused = new Set<string>()
  const kept = new Set<string>()
  let hasDoubt = false
  let hasPublished = false
  const keep = (): void => {
    for (const location of pending) kept.add(location)
    pending = []
  }
  return {
    begin: locations => {
      pending = locations
    },
    refused: () => {
      for (const location of pending) refused.add(location)
      pending = []
    },
    published: () => {
      keep()
      hasPublished = true
    },
    doubtful: () => {
      keep()
      hasDoubt = true
    },
    doubtRefusals: () => {
      keep()
      for (const location of refused) kept.add(location)
      hasDoubt = true
    },
    get hasDoubt() {
      return hasDoubt
    },
    get hasPublished() {
      return hasPublished
    },
    garbage: () => [...refused].filter(location => !kept.has(location)),
  }
}
