export const ROWS: number

export interface KillStep {
  readonly verb: 'append' | 'together' | 'upsert'
  readonly name: string
  readonly number: number
  readonly tables: readonly string[]
  readonly rows: readonly { readonly key?: number; readonly step: string; readonly at?: number }[]
}

export function stepOf(options: {
  readonly writer: number
  readonly number: number
  readonly tables: readonly string[]
  readonly keyed: string
}): KillStep
