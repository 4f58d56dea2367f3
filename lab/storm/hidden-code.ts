import { setTimeout as sleep } from 'node:timers/promises'
import { serverErrno } from '../../src/base/errors.ts'
import { call, withConnection } from '../../src/testing/raw-connection.ts'
import type { StormContext, StormOperation } from '../../src/testing/storm-operation.ts'
import { ITEMS, ownerOfId, WRITES } from '../../src/testing/tables.ts'
import type { Admin } from './admin.ts'

/*
 * Code in tenants' databases that no statement shows: a trigger that keeps what it finds in its session
 * and leaves something there, and a view that does so. It comes and goes during a storm.
 */

const TRIGGER = 'tk_storm_trigger'
const VIEW = 'tk_storm_view'
/** What triggers found. */
const SEEN = 'tk_storm_seen'
const VARIABLE = '@tenant_knex_storm_hidden'

const ER_NO_SUCH_TABLE = 1146
const ER_LOCK_WAIT_TIMEOUT = 1205

/** A definition waits for all transactions that use its table, and others wait for it. */
const IMPATIENTLY = 'SET SESSION lock_wait_timeout = 1; '

/** How long a statement of this process may define something, while another client does, in seconds. */
const DEFINING = 1.5

/** Creates the table that triggers write to. */
export async function createSeen(admin: Admin, database: string): Promise<void> {
  await admin.sql(`CREATE TABLE ${database}.${SEEN} (mark VARCHAR(64), id BIGINT)`)
}

/** Operations that make hidden code, use it, and look for what it has left or found. */
export function hiddenCode(
  admin: Admin,
  databaseOf: (tenant: string) => string,
): readonly StormOperation[] {
  return [
    {
      name: 'make a trigger for a while',
      weight: 0.5,
      run: (storm) => forAWhile(storm, createTrigger(storm), `DROP TRIGGER IF EXISTS ${TRIGGER}`),
    },
    {
      name: 'make a view for a while',
      weight: 0.5,
      run: (storm) => forAWhile(storm, createView(storm), `DROP VIEW IF EXISTS ${VIEW}`),
    },
    {
      name: 'make a trigger as another client',
      weight: 0.1,
      run: (storm) => asOther(storm, admin, databaseOf(storm.tenant)),
    },
    {
      name: 'drop a trigger as another client',
      weight: 0.3,
      run: async (storm) => {
        const drop = `DROP TRIGGER IF EXISTS ${databaseOf(storm.tenant)}.${TRIGGER}`
        await admin.try(`${IMPATIENTLY}${drop}`).catch(() => undefined)
      },
    },
    {
      name: 'read a view with hidden code',
      weight: 4,
      run: async (storm) => {
        const rows = await unlessGone(() =>
          storm.knex(VIEW).select('tenant', 'isLocked').whereNot({ tenant: storm.tag }),
        )
        for (const { tenant } of rows) {
          if (tenant !== storm.tenant) storm.violate(`a row of ${tenant} came out of a view`)
        }
      },
    },
    {
      name: 'look for what hidden code leaves',
      weight: 5,
      run: async (storm) => {
        const [[found]] = await storm.knex.raw(
          `SELECT ${VARIABLE} AS mark, LAST_INSERT_ID() AS id, ? AS asker,
             IS_USED_LOCK(?) = CONNECTION_ID() AS locked`,
          [storm.tag, lockOf(storm.otherTenant)],
        )
        check(storm, found)
        if (found.locked) storm.violate('the session has a lock that another tenant’s view took')
      },
    },
    {
      name: 'look at what hidden code found',
      weight: 2,
      run: async (storm) => {
        const rows = await unlessGone(() => storm.knex(SEEN).distinct('mark', 'id'))
        for (const found of rows) check(storm, found)
      },
    },
  ]
}

/** Defines something by one of several ways, and drops it later. */
async function forAWhile(storm: StormContext, create: string, drop: string): Promise<void> {
  const draw = storm.random()
  await unlessLocked(async () => {
    if (draw < 0.4) await storm.knex.raw(`${IMPATIENTLY}${create}`)
    else if (draw < 0.6) await storm.knex.schema.raw(`${IMPATIENTLY}${create}`)
    else {
      await withConnection(storm.knex, async (connection) => {
        await call(connection, 'query', `${IMPATIENTLY}${create}`)
      })
    }
  })
  await sleep(200 * storm.random())
  await unlessLocked(() => storm.knex.raw(`${IMPATIENTLY}${drop}`))
}

/**
 * Makes a trigger past this process. The library hears of it only because a statement of its own runs that
 * may define code. Without such a statement it may learn of it minutes later.
 */
async function asOther(storm: StormContext, admin: Admin, database: string): Promise<void> {
  await withConnection(storm.knex, async (connection) => {
    await call(connection, 'query', 'DO 0')
    const defining = call(connection, 'query', `DO SLEEP(${DEFINING})`)
    const create = createTrigger(storm).replaceAll(/ (ON|INTO) /g, ` $1 ${database}.`)
    const made = admin
      .try(`${IMPATIENTLY}${create.replace(TRIGGER, `${database}.${TRIGGER}`)}`)
      .catch(() => undefined)
    await Promise.all([defining, made])
  })
}

function createTrigger(storm: StormContext): string {
  return `CREATE TRIGGER IF NOT EXISTS ${TRIGGER} BEFORE INSERT ON ${WRITES} FOR EACH ROW
    BEGIN
      INSERT INTO ${SEEN} VALUES (${VARIABLE}, LAST_INSERT_ID());
      SET ${VARIABLE} = '${storm.tenant}';
    END`
}

function createView(storm: StormContext): string {
  return `CREATE OR REPLACE VIEW ${VIEW} AS
    SELECT tenant, GET_LOCK('${lockOf(storm.tenant)}', 0) AS isLocked
    FROM ${ITEMS} WHERE id = 1`
}

function lockOf(tenant: string): string {
  return `storm-view:${tenant}`
}

function check(storm: StormContext, { mark, id }: { mark: unknown; id: unknown }): void {
  const owner = ownerOfId(id)
  if (mark !== null && mark !== storm.tenant) {
    storm.violate(`the variable of a trigger of ${mark} was found`)
  }
  if (owner !== undefined && owner !== storm.place.index) {
    storm.violate(`hidden code found the id ${id} of an insert of another tenant`)
  }
}

async function unlessLocked(define: () => PromiseLike<unknown>): Promise<void> {
  try {
    await define()
  } catch (error) {
    if (serverErrno(error) !== ER_LOCK_WAIT_TIMEOUT) throw error
  }
}

async function unlessGone<T>(query: () => PromiseLike<T[]>): Promise<T[]> {
  try {
    return await query()
  } catch (error) {
    if (serverErrno(error) === ER_NO_SUCH_TABLE) return []
    throw error
  }
}
