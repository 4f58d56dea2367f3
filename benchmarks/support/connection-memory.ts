import type { Field } from './bench-server.ts'
import type { Row } from './contender.ts'

/**
 * MySQL counts the memory that a thread has allocated, whichever thread frees it. The shared caches of tables
 * and of the data dictionary are excluded. With thousands of tables these need a hundred times as much memory
 * as the connections.
 */
const STATEMENTS: Readonly<Record<Field['name'], string>> = {
  MariaDB: 'SELECT SUM(memory_used) AS bytes FROM information_schema.processlist WHERE user = ',
  MySQL: `SELECT SUM(current_number_of_bytes_used) AS bytes
    FROM performance_schema.memory_summary_by_account_by_event_name
    WHERE event_name NOT LIKE 'memory/innodb/%' AND event_name NOT LIKE 'memory/sql/dd::%'
    AND event_name NOT LIKE 'memory/sql/TABLE%' AND user = `,
}

/** The memory for the connections of an account, as the server reports it, in bytes. */
export async function connectionMemory(field: Field, user: string): Promise<number> {
  const rows = (await field.query(`${STATEMENTS[field.name]}'${user}'`)) as Row[]
  return Number(rows[0]?.bytes ?? 0)
}
