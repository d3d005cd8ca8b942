/** What the command line needs of the process it runs in; tests hand in their own. */

export interface OutputStream {
  write(text: string | Uint8Array): boolean
  once(event: 'drain', listener: () => void): unknown
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
}

export interface Surroundings {
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  readonly stdin: AsyncIterable<Uint8Array>
  readonly cwd: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly readFile: (path: string) => Promise<Uint8Array>
  readonly writeFile: (path: string, text: string, options: { readonly flag: 'wx' }) => Promise<void>
  readonly signal: AbortSignal
}

/** Writes and waits when the reader is slow, so that a large result is never held in memory. */
export async function print(stream: OutputStream, text: string | Uint8Array): Promise<void> {
  if (!stream.write(text)) await new Promise<void>(resolve => stream.once('drain', resolve))
}
