import { failInScope } from './gated-command.ts'
import type { Command } from './wire/driver.ts'

/**
 * The commands of a connection that have no callback, as streams have none: mysql2 does not tell
 * them when their connection ends.
 */
export class UnheardCommands {
  readonly #commands = new Set<Command>()

  /** Remembers a command, where it has no callback. */
  add(command: Command): void {
    if (command.onResult === undefined) this.#commands.add(command)
  }

  has(command: Command): boolean {
    return this.#commands.has(command)
  }

  /** A command has ended, or is told by other means. True where it was one of these. */
  remove(command: Command): boolean {
    return this.#commands.delete(command)
  }

  /** The connection has ended: tells them all, in turns of their own. */
  failAll(error: Error): void {
    // Each on its own: what a listener of one throws must not keep the others waiting.
    for (const command of this.#commands) process.nextTick(failInScope, command, error)
    this.#commands.clear()
  }
}
