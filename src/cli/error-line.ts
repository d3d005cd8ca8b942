/** One line for anything that ended a command: `serac: <kind>: <message> {context}`. */
import { CommanderError } from 'commander'

/** What the engine's errors look like, so that printing one does not load the engine. */
interface KindedError {
  readonly kind: string
  readonly message: string
  readonly context: Readonly<Record<string, unknown>>
}

export function errorLine(error: unknown): string {
  if (error instanceof CommanderError) return `serac: invalid-argument: ${usageMessage(error)}`
  if (isKinded(error)) return oneLine(`serac: ${error.kind}: ${error.message}${contextText(error.context)}`)
  const message = error instanceof Error ? error.message : String(error)
  return oneLine(`serac: internal: ${message}`)
}

function usageMessage(error: CommanderError): string {
  return oneLine(error.message.replace(/^error: /, ''))
}

function isKinded(error: unknown): error is KindedError {
  return error instanceof Error && 'kind' in error && 'context' in error && typeof error.kind === 'string'
}

function contextText(context: Readonly<Record<string, unknown>>): string {
  if (Object.keys(context).length === 0) return ''
  return ` ${JSON.stringify(context, (_key, value) => (typeof value === 'bigint' ? String(value) : value))}`
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ')
}
