/** One line for anything that ended a command: `serac: <kind>: <message> {context}`. */
import { CommanderError } from 'commander'

/** What the engine's errors look like, so that printing one does not load the engine. */
interface KindedError {
  readonly kind: string
  readonly message: string
  readonly context: Readonly<Record<string, unknown>>
}

export function errorLine(error: unknown): string {
  if (error instanceof CommanderError) return `serac: invalid-argument: ${usageMessage(error)} ${SEE}`
  if (isKinded(error)) return oneLine(`serac: ${error.kind}: ${error.message}${contextText(error.context)}`)
  const message = error instanceof Error ? error.message : String(error)
  return oneLine(`serac: internal: ${message} {}`)
}

/** The context of a mistake that the argument parser found: it has the words in its message already. */
const SEE = '{"see":"serac --help"}'

function usageMessage(error: CommanderError): string {
  if (error.code === 'commander.help') return 'a command is missing'
  return oneLine(error.message.replace(/^error: /, ''))
}

function isKinded(error: unknown): error is KindedError {
  return error instanceof Error && 'kind' in error && 'context' in error && typeof error.kind === 'string'
}

function contextText(context: Readonly<Record<string, unknown>>): string {
  return ` ${JSON.stringify(context, (_key, value) => (typeof value === 'bigint' ? String(value) : value))}`
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ')
}
