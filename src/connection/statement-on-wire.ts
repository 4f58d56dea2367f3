import type { Place } from '../tenants/place.ts'
import { type Sender, sessionFor } from './sender.ts'
import type { SessionUse } from './session/state.ts'
import { isStatement } from './wire/driver-command.ts'
import type { Command } from './wire/driver-types.ts'

/** The connection whose statements are watched. */
export interface Watched {
  readonly state: { onStatement(place: Place, use: SessionUse): void }
  readonly settings: {
    readonly events: { onDefinition(place: Place): (() => void) | undefined }
  }
}

/** How long a definition may go on at the server after its connection was lost. */
const LOST_DEFINITION_MILLIS = 60_000

/** The statement that a connection's server carries out now. Tells what it does to its session. */
export class StatementOnWire {
  readonly #connection: Watched
  #sender: Sender | undefined
  /** Set while the statement may define code or tables. */
  #endDefinition: (() => void) | undefined

  constructor(connection: Watched) {
    this.#connection = connection
  }

  begin(sender: Sender, command: Command): void {
    this.#sender = sender
    this.tellSession(sender)
    if (sender.nature.definesNothing || !isStatement(command)) return
    this.#endDefinition = this.#connection.settings.events.onDefinition(sender.lease.place)
  }

  /** The statement runs in the session as the session is from now on. */
  tellSession({ lease, nature }: Sender): void {
    this.#connection.state.onStatement(lease.place, sessionFor(nature))
  }

  end(): void {
    const sender = this.#sender
    this.#sender = undefined
    this.#onDefined()
    // Hidden code may have come into its database while it ran.
    if (sender?.nature.plainness?.isPlain === false) {
      this.#connection.state.onStatement(sender.lease.place, 'own')
    }
  }

  /** The connection has ended. The server may go on with a definition. */
  lose(): void {
    if (this.#endDefinition) setTimeout(() => this.#onDefined(), LOST_DEFINITION_MILLIS).unref()
  }

  #onDefined(): void {
    this.#endDefinition?.()
    this.#endDefinition = undefined
  }
}
