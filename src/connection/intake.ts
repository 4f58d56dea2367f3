import type { Sender } from './sender.ts'
import {
  type CommandQueue,
  callDriver,
  interceptCommands,
  type SendingMethod,
} from './wire/driver.ts'
import { executeCommand } from './wire/driver-command.ts'
import type { Command, Packet, RawConnection, WireCommand } from './wire/driver-types.ts'

/** Takes a new command with its sender, before mysql2 queues it. */
interface Admission {
  admit(command: Command, sender: Sender | undefined): void
}

/**
 * The intake of a connection: all calls into mysql2 that queue commands, and with each command its sender.
 *
 * mysql2 makes its commands inside its own methods, often several by one call, and queues them before
 * the method returns. So the sender cannot be an argument. It is kept here for the time of a call into
 * mysql2, and nowhere else.
 */
export class Intake {
  readonly #raw: RawConnection
  readonly #queue: CommandQueue
  /** Undefined outside such a call: a command that is queued then came past all leases. */
  #sender: Sender | undefined

  constructor(raw: RawConnection, admission: Admission) {
    this.#raw = raw
    this.#queue = interceptCommands(raw, (command, queue) => {
      admission.admit(command, this.#sender)
      queue.add(command)
    })
  }

  /** Calls a method of mysql2's. All commands that it queues are the sender's. */
  send(sender: Sender, method: SendingMethod, args: readonly unknown[]): unknown {
    const outer = this.#sender
    this.#sender = sender
    try {
      return callDriver(this.#raw, method, args)
    } finally {
      this.#sender = outer
    }
  }

  /**
   * Lets mysql2 start a command (without a packet) or read an answer to it. Commands that it queues
   * meanwhile, to close statements, are the sender's.
   *
   * @returns true if the command has ended
   */
  execute(sender: Sender | undefined, command: Command, packet: Packet | undefined): boolean {
    const outer = this.#sender
    this.#sender = sender
    try {
      return executeCommand.call(command, packet, this.#raw)
    } finally {
      this.#sender = outer
    }
  }

  /** Queues a command of our own, which is not admitted by the gate. */
  bypass(command: WireCommand): void {
    this.#queue.add(command)
  }

  /** Lets all commands pass from now on. */
  remove(): void {
    this.#queue.restore()
  }
}
