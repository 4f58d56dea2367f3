import type { BoundKnex, BoundTransaction } from '../../src/index.ts'
import { pick, type Random } from '../../src/testing/random.ts'
import type { Reference } from './reference.ts'

/** A step of a transaction; it may fail. */
type Step = (trx: BoundTransaction) => Promise<unknown>

const lost = new Error('lost')

/** Statements that may commit or may not. Most of those that commit also fail. */
const STATEMENTS = [
  'CREATE TABLE items (id INT)',
  'DROP TABLE missing',
  'ALTER TABLE missing ADD COLUMN x INT',
  'TRUNCATE TABLE missing',
  'LOCK TABLES missing READ',
  'CALL commits()',
  'CALL commits_and_fails()',
  'COMMIT',
  '/* done */ COMMIT AND CHAIN',
  'COMMIT; START TRANSACTION',
  'SELECT 1; COMMIT; START TRANSACTION',
  'BEGIN',
  'ROLLBACK',
  'ROLLBACK AND CHAIN',
  'SET @x = 1',
  'SELECT 1',
  'SELECT * FROM missing',
]

const SAVEPOINTS = ['one', 'ONE', '`é`', 'e', '`a b`', '`a-b`', '/* a */ two', 'two']

/**
 * Runs a transaction that writes rows and tells its cache of each, once or several times, at any moment. It
 * does every other thing that a transaction can do. Afterwards the reference knows the rows.
 */
export async function runTransaction(
  random: Random,
  knex: BoundKnex,
  ids: readonly number[],
  reference: Reference,
): Promise<void> {
  const steps: Step[] = ids.map((id) => (trx) => write(trx, id, reference.newValue()))
  for (let more = Math.floor(random() * 6); more > 0; more--) {
    insert(random, steps, anyStep(random, ids, reference))
  }
  for (const id of ids) insert(random, steps, (trx) => trx.cache.delete(keyOf(id)))
  const isNested = random() < 0.2
  const trx = await knex.transaction()
  for (const step of steps) {
    const run = isNested && random() < 0.3 ? nested(random, step) : step
    await run(trx).catch(() => undefined)
  }
  const end = random() < 0.5 ? trx.commit() : trx.rollback()
  await Promise.resolve(end).catch(() => undefined)
  const rows = await knex('items').whereIn('id', ids).select('id', 'val')
  for (const { id, val } of rows) reference.committed(keyOf(id), val)
}

/** The cache's key of a row. */
export function keyOf(id: number): string {
  return `row ${id}`
}

function anyStep(random: Random, ids: readonly number[], reference: Reference): Step {
  const statement = pick(random, STATEMENTS)
  const savepoint = pick(random, SAVEPOINTS)
  const id = pick(random, ids)
  const all = random() < 0.5 ? 'clear' : 'purge'
  return pick<Step>(random, [
    (trx) => trx.raw(statement),
    (trx) => trx.raw(statement),
    (trx) => trx.raw(`SAVEPOINT ${savepoint}`),
    (trx) => trx.raw(`ROLLBACK TO ${savepoint}`),
    (trx) => write(trx, id, reference.newValue()),
    (trx) => trx.cache.delete(keyOf(id)),
    (trx) => trx.cache[all](),
    (trx) => trx('items').where({ id }).select(),
  ])
}

function nested(random: Random, step: Step): Step {
  const fails = random() < 0.5
  return (trx) =>
    trx.transaction(async (inner) => {
      await step(inner as BoundTransaction)
      if (fails) throw lost
    })
}

function write(trx: BoundTransaction, id: number, val: number): Promise<unknown> {
  return trx('items').where({ id }).update({ val }).then()
}

function insert<T>(random: Random, list: T[], one: T): void {
  list.splice(Math.floor(random() * (list.length + 1)), 0, one)
}
