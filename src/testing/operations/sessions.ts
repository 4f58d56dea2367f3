import { serverErrno } from '../../base/errors.ts'
import { call, type RawConnection, type Row, withConnection } from '../raw-connection.ts'
import type { StormContext, StormOperation } from '../storm-operation.ts'
import { ITEMS, SHADE, WRITES } from '../tables.ts'
import { findTag } from '../tags.ts'
import { row } from './writes.ts'

/** Each tenant sets its own limit in its sessions: this number plus its place in the list. */
const OWN_LIMIT = 1_000_000

const ER_UNKNOWN_STATEMENT = 1243

/** All tenants use the same text, because mysql2 keeps prepared statements by their text. */
const PREPARED = `SELECT tenant, ? AS asker, DATABASE() AS db FROM ${ITEMS} WHERE id = ?`
const PREPARED_INSERT = `INSERT INTO ${WRITES} (operation, part, tag) VALUES (?, ?, ?)`

/** Operations that leave something in a session, or look for it. No other tenant may find it. */
export const SESSION_OPERATIONS: readonly StormOperation[] = [
  {
    name: 'leave marks in the session',
    weight: 4,
    run: (storm) => withConnection(storm.knex, (connection) => leaveMarks(storm, connection)),
  },
  {
    name: 'look for marks in the session',
    weight: 8,
    run: async (storm) => {
      const { knex, place } = storm
      const [found] = await knex.select(
        knex.raw('@tenant_knex_storm as mark'),
        knex.raw('@@group_concat_max_len as lim'),
        knex.raw('is_used_lock(?) = connection_id() as locked', [lockName(storm.otherTenant)]),
        knex.raw('? as asker', [storm.tag]),
      )
      checkMarks(storm, found)
      const other = Number(found.lim) - OWN_LIMIT
      if (other >= 0 && other < place.count && other !== place.index) {
        storm.violate('a variable was found that another tenant had set')
      }
    },
  },
  {
    name: 'execute a prepared statement of the session',
    weight: 3,
    run: (storm) => withConnection(storm.knex, (connection) => executeText(storm, connection)),
  },
  {
    name: 'execute a statement that mysql2 has prepared',
    weight: 5,
    run: (storm) =>
      withConnection(storm.knex, async (connection) => {
        const id = storm.between(1, 5)
        const rows = await call(connection, 'execute', PREPARED, [storm.tag, id])
        storm.checkRows(rows as never, 1)
      }),
  },
  {
    name: 'write by a statement that mysql2 has prepared',
    weight: 3,
    run: (storm) =>
      storm.write(1, () =>
        withConnection(storm.knex, async (connection) => {
          await call(connection, 'execute', PREPARED_INSERT, Object.values(row(storm, 0)))
        }),
      ),
  },
]

/** Leaves marks of every kind that survives a `USE`, so that another tenant would find them. */
async function leaveMarks(storm: StormContext, connection: RawConnection): Promise<void> {
  const statements: [sql: string, values: unknown[]][] = [
    ['SET @tenant_knex_storm = ?', [storm.tag]],
    ['SET SESSION group_concat_max_len = ?', [OWN_LIMIT + storm.place.index]],
    ['DO GET_LOCK(?, 0)', [lockName(storm.tenant)]],
    // In one statement, because a fault between two statements would leave an empty table.
    [`CREATE TEMPORARY TABLE IF NOT EXISTS ${SHADE} SELECT ? AS tenant`, [storm.tenant]],
    [`PREPARE tenant_knex_storm FROM 'SELECT tenant FROM ${ITEMS} LIMIT 1'`, []],
  ]
  for (const [sql, values] of statements) await call(connection, 'query', sql, values)
}

function checkMarks(storm: StormContext, found: Row): void {
  if (found.asker !== storm.tag) storm.violate(`the answer to ${found.asker} came back`)
  if (found.locked) storm.violate("the session holds another tenant's lock")
  const mark = findTag(String(found.mark))
  if (mark && mark.tenant !== storm.place.index) {
    storm.violate(`the session has the variable of tenant ${mark.tenant}`)
  }
}

/** Executes the prepared statement of the session. There is none, or it must be the tenant's own. */
async function executeText(storm: StormContext, connection: RawConnection): Promise<void> {
  let rows: Row[]
  try {
    rows = await call(connection, 'query', 'EXECUTE tenant_knex_storm')
  } catch (error) {
    if (serverErrno(error) === ER_UNKNOWN_STATEMENT) return
    throw error
  }
  for (const { tenant } of rows) {
    if (tenant !== storm.tenant) storm.violate(`a prepared statement of ${tenant} was executed`)
  }
}

function lockName(tenant: string): string {
  return `storm:${tenant}`.slice(0, 64)
}
