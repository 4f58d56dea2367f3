import type { Field } from './bench-server.ts'
import type { OpenContender, Row } from './contender.ts'

/** Tenants of a contender that send requests one after the other, and a separate connection. */
export interface Scene {
  readonly open: OpenContender
  /** The database of the tenant that leaves something. */
  readonly first: string
  /** The database of the next tenant. */
  readonly next: string
  /** The database of a third tenant. */
  readonly other: string
  readonly outside: Field['query']
}

/** A trace that a request leaves, and a check for its effect on a later request. */
export interface LeakProbe {
  readonly name: string
  /** True if the contender must offer prepared statements of the driver. */
  readonly needsExecute?: boolean
  leave(scene: Scene): Promise<unknown>
  /** True if a later request is affected. */
  isSeen(scene: Scene): Promise<boolean>
}

const TENANT_OF_A_ROW = 'SELECT tenant FROM items WHERE id = 1'

/**
 * A probe with statements of the first tenant, and an expression that returns 1 in the next tenant's request.
 */
function state(name: string, statements: readonly string[], seen: string): LeakProbe {
  return {
    name,
    async leave({ open, first }) {
      for (const sql of statements) await open.query(first, sql)
    },
    async isSeen({ open, next }) {
      const [row] = await open.query(next, `SELECT (${seen}) AS seen`)
      return Number(row?.seen) === 1
    },
  }
}

/** The traces of tenants' requests. Each is tried with one connection, which the next request gets. */
export const LEAK_PROBES: readonly LeakProbe[] = [
  state('`SET @v`', ['SET @left = 1'], '@left IS NOT NULL'),
  state('`time_zone`', [`SET time_zone = '+05:00'`], `@@time_zone = '+05:00'`),
  state('`sql_mode`', [`SET sql_mode = 'PIPES_AS_CONCAT'`], `@@sql_mode LIKE '%PIPES_AS_CONCAT%'`),
  state('`SET NAMES`', ['SET NAMES latin1'], `@@character_set_client = 'latin1'`),
  state('`autocommit`', ['SET autocommit = 0'], '@@autocommit = 0'),
  state(
    '`GET_LOCK`',
    [`SELECT GET_LOCK('bench_left', 0)`],
    `IS_USED_LOCK('bench_left') = CONNECTION_ID()`,
  ),
  state('`LAST_INSERT_ID()`', ['SELECT LAST_INSERT_ID(4711)'], 'LAST_INSERT_ID() = 4711'),
  state('`FOUND_ROWS()`', ['SELECT id FROM items WHERE id <= 7'], 'FOUND_ROWS() = 7'),
  {
    name: 'temporary table',
    leave: ({ open, first }) =>
      open.query(first, `CREATE TEMPORARY TABLE ${first}.left_behind (id INT)`),
    isSeen: ({ open, first, next }) =>
      works(open.query(next, `SELECT id FROM ${first}.left_behind`)),
  },
  {
    name: 'open transaction',
    async leave({ open, first }) {
      await open.query(first, 'BEGIN')
      await open.query(first, `UPDATE ${first}.items SET quantity = quantity + 1 WHERE id = 2`)
    },
    // The write of the next tenant would be lost with it.
    async isSeen({ open, next, outside }) {
      const before = await quantityOf(outside, next)
      await open.query(next, `UPDATE ${next}.items SET quantity = quantity + 1 WHERE id = 2`)
      return (await quantityOf(outside, next)) === before
    },
  },
  {
    name: '`PREPARE`',
    leave: ({ open, first }) => open.query(first, `PREPARE left_behind FROM '${TENANT_OF_A_ROW}'`),
    isSeen: ({ open, next }) => works(open.query(next, 'EXECUTE left_behind')),
  },
  {
    name: 'same `execute()`',
    needsExecute: true,
    leave: ({ open, first }) => executeRead(open, first),
    isSeen: async ({ open, next }) => isOfAnother(await executeRead(open, next), next),
  },
  {
    name: 'raw SQL',
    leave: async () => undefined,
    isSeen: async ({ open, next }) => isOfAnother(await open.query(next, TENANT_OF_A_ROW), next),
  },
  {
    name: '`USE`, in the next request of its own',
    leave: ({ open, first, other }) => open.query(first, `USE ${other}`),
    // Any connection of the pool may be the one.
    async isSeen({ open, first }) {
      const requests = Array.from({ length: 10 }, () => open.query(first, TENANT_OF_A_ROW))
      return (await Promise.all(requests)).some((rows) => isOfAnother(rows, first))
    },
  },
]

function executeRead({ execute }: OpenContender, database: string): Promise<Row[]> {
  if (!execute) throw new Error('It has no prepared statements.')
  return execute(database, TENANT_OF_A_ROW)
}

async function quantityOf(query: Field['query'], database: string): Promise<unknown> {
  const rows = (await query(`SELECT quantity FROM ${database}.items WHERE id = 2`)) as Row[]
  return rows[0]?.quantity
}

function isOfAnother(rows: readonly Row[], database: string): boolean {
  return rows[0]?.tenant !== database
}

async function works(statement: Promise<unknown>): Promise<boolean> {
  try {
    await statement
    return true
  } catch {
    return false
  }
}
