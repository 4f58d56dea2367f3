import { once } from 'node:events'
import type { Reaper } from './reaper.ts'

/**
 * Runs a program to its end and returns its output, in English.
 *
 * @throws Error with the end of its output if it failed or could not be started
 */
export async function run(
  reaper: Reaper,
  command: string,
  args: readonly string[],
): Promise<string> {
  const child = reaper.spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
  })
  let output = ''
  const collect = (chunk: Buffer): void => {
    output += chunk.toString()
  }
  child.stdout?.on('data', collect)
  child.stderr?.on('data', collect)
  const [code, signal] = await once(child, 'close')
  if (code === 0) return output
  throw new Error(`${command} ended with ${code ?? signal}:\n${lastLines(output)}`)
}

/** The last lines of a text. Programs give the reason of a failure there. */
export function lastLines(text: string, count = 15): string {
  return text.trimEnd().split('\n').slice(-count).join('\n')
}

/** The message of an error, or of any other thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
