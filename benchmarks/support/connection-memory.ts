import type { Field } from './bench-server.ts'
import type { Row } from './contender.ts'

/**
 * What MySQL counts for a thread is what it has asked for, whoever frees it: without what it has put
 * into caches that all share, of tables and of the data dictionary. With thousands of tables these hold
 * a hundred times what the connections do.
 */
const STATEMENTS: Readonly<Record<Field['name'], string>> = {
  MariaDB: 'SELECT SUM(memory_used) AS bytes FROM information_schema.processlist WHERE user = ',
  MySQL: `SELECT SUM(current_number_of_bytes_used) AS bytes
    FROM performance_schema.memory_summary_by_account_by_event_name
    WHERE event_name NOT LIKE 'memory/innodb/%' AND event_name NOT LIKE 'memory/sql/dd::%'
    AND event_name NOT LIKE 'memory/sql/TABLE%' AND user = `,
}

/** What the server says that it holds for the connections of an account, in bytes. */
export async function connectionMemory(field: Field, user: string): Promise<number> {
  const rows = (await field.query(`${STATEMENTS[field.name]}'${user}'`)) as Row[]
  return Number(rows[0]?.bytes ?? 0)
}
