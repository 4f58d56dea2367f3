import type { Field } from './bench-server.ts'
import type { Row } from './contender.ts'

const STATEMENTS: Readonly<Record<Field['name'], string>> = {
  MariaDB: 'SELECT SUM(memory_used) AS bytes FROM information_schema.processlist WHERE user = ',
  MySQL: `SELECT SUM(current_number_of_bytes_used) AS bytes
    FROM performance_schema.memory_summary_by_account_by_event_name WHERE user = `,
}

/** What the server says that it holds for the connections of an account, in bytes. */
export async function connectionMemory(field: Field, user: string): Promise<number> {
  const rows = (await field.query(`${STATEMENTS[field.name]}'${user}'`)) as Row[]
  return Number(rows[0]?.bytes ?? 0)
}
