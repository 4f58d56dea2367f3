import type { ConnectionOptions } from 'mysql2'
import { withRawConnection } from './raw-connection.ts'
import { type ConnectionSettings, ServerConnection } from './server-connection.ts'
import {
  askServer,
  askServerId,
  keepsStatements,
  quoteRole,
  type ServerFacts,
} from './server-facts.ts'
import { checkEscaping, setNames } from './session/escaping.ts'
import { sessionSetup } from './session/setup.ts'
import { setupPlan } from './switch/plan.ts'
import type { Asked } from './wire/ask.ts'
import { charsetNumberOf } from './wire/driver.ts'
import type { RawConnection } from './wire/driver-types.ts'

/** How connections to one server are opened. */
export interface ConnectOptions extends ConnectionSettings {
  /** The user's statements that set each session up. */
  readonly session: readonly string[]
  /** True if self-contained statements of several tenants may share a session. */
  readonly qualifies: boolean
}

/** A connection that has no holder yet, and the facts about its server. */
export interface OpenedConnection {
  readonly connection: ServerConnection
  readonly facts: ServerFacts
}

/**
 * Connects, asks the server what it is, and sets the session up.
 *
 * @param signal ends the attempt; its reason is thrown
 * @throws `ERR_SERVER_UNREACHABLE`, `ERR_SERVER_REFUSED`, `ERR_SESSION_SETUP_FAILED`
 */
export async function openConnection(
  driverOptions: ConnectionOptions,
  options: ConnectOptions,
  signal: AbortSignal,
): Promise<OpenedConnection> {
  return withRawConnection(driverOptions, signal, (raw) => setUp(raw, options))
}

/** Puts a gate before a new connection, and sets its session up. */
export async function setUp(
  raw: RawConnection,
  options: ConnectOptions,
): Promise<OpenedConnection> {
  const { role, purge, ...facts } = await askServer(raw)
  const serverId = await askServerId(raw)
  const setup = sessionSetup({
    names: setNames(charsetNumberOf(raw)) + purge,
    role: role === undefined ? undefined : quoteRole(role, facts.isMariaDB),
    isMariaDB: facts.isMariaDB,
    session: options.session,
  })
  const aroundGate: Asked = { addCommand: raw.addCommand.bind(raw) }
  const connection = new ServerConnection(raw, options, setup, serverId)
  await connection.runPlan(setupPlan(setup))
  if (options.session.length > 0) {
    await checkEscaping(aroundGate, connection.charsetNumber, raw.threadId)
  }
  if (options.qualifies && connection.isTracked) {
    connection.canBeCommon = !(await keepsStatements(aroundGate))
  }
  return { connection, facts }
}
