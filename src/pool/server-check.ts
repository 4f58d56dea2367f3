import type { ServerReport } from '../connection/inspect.ts'
import type { PoolOptions } from '../options/pool.ts'

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
): ServerCheck {
  return {
    server,
    ...report,
    warnings: [...limitWarnings(report, pool), ...sessionWarnings(report, pool)],
  }
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
