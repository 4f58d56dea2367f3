import type { HiddenCode } from '../connection/hidden-code/verdict.ts'
import type { ServerReport } from '../connection/inspect.ts'
import type { PoolOptions } from '../options/pool.ts'
import type { PlainDatabases } from './hidden-code/plain-databases.ts'

/** A server's report of itself and of the account, and the settings that do not suit the pool. */
export interface ServerCheck extends ServerReport {
  /** Name of the server. */
  readonly server: string
  /** One sentence for each setting that will make trouble. Empty if there is none. */
  readonly warnings: readonly string[]
}

/** Holds what a server says against the pool's options. */
export function checkServer(
  server: string,
  report: ServerReport,
  pool: Required<PoolOptions>,
  databases: PlainDatabases | undefined,
): ServerCheck {
  const warnings = [
    ...limitWarnings(report, pool),
    ...sessionWarnings(report, pool),
    ...switchWarnings(databases),
  ]
  return { server, ...report, warnings }
}

/** How many databases a warning names. */
const MAX_NAMED = 10

/** What to do about statements that always switch, by the reason. */
const REMEDIES: Readonly<Record<HiddenCode, string>> = {
  triggers: 'they have triggers',
  views: 'they have views',
  engines: 'they have tables of engines that can reach other databases',
  expressions: 'they have defaults or generated columns that use the session',
  missing: 'they do not exist',
  unseen:
    'the account may not see whether they have triggers. Grant it SELECT and TRIGGER on the databases',
}

function switchWarnings(databases: PlainDatabases | undefined): string[] {
  if (databases === undefined) return []
  const { switching } = databases.report()
  const reasons = (Object.keys(REMEDIES) as HiddenCode[]).filter((reason) => switching[reason] > 0)
  return reasons.map((reason) => {
    const names = databases.switching(reason, MAX_NAMED).join(', ')
    return `Statements for ${switching[reason]} databases always switch (${names}): ${REMEDIES[reason]}.`
  })
}

function limitWarnings(report: ServerReport, { max }: Required<PoolOptions>): string[] {
  const { maxConnections, maxUserConnections } = report
  const needed = max + 1 // one beside the pool, to cancel queries
  const warnings: string[] = []
  if (maxConnections < needed) {
    warnings.push(
      `The server allows ${maxConnections} connections (max_connections); the pool needs up to ${needed}.`,
    )
  }
  if (maxUserConnections > 0 && maxUserConnections < needed) {
    warnings.push(
      `The server allows the account ${maxUserConnections} connections (max_user_connections); ` +
        `the pool needs up to ${needed}.`,
    )
  }
  return warnings
}

function sessionWarnings(report: ServerReport, pool: Required<PoolOptions>): string[] {
  const { isTracked, waitTimeoutSeconds } = report
  const warnings: string[] = []
  if (!isTracked) {
    warnings.push(
      'The server, or a proxy before it, does not tell which database is current: a statement that ' +
        'leaves it is not noticed, and it is selected anew at each acquire.',
    )
  }
  if (waitTimeoutSeconds * 1_000 <= pool.idleTimeoutMillis) {
    warnings.push(
      `The server closes connections that are idle for ${waitTimeoutSeconds} s (wait_timeout); the ` +
        `pool would keep them for ${pool.idleTimeoutMillis} ms (\`pool.idleTimeoutMillis\`).`,
    )
  }
  return warnings
}
