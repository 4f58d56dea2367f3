import { expect } from 'chai'
import { seededRandom } from '../../src/testing/random.ts'
import { onEachServer, type TestTenants, urlOptions, withTenants } from '../support/tenants.ts'
import { OPERATIONS, type Operation } from './operations.ts'

const TENANTS = Array.from({ length: 50 }, (_, index) => `t${index}`)
const POOL = 8
const WORKERS = 64
const COUNT = Number(process.env.STORM_OPERATIONS ?? 20_000)
const SEED = Number(process.env.STORM_SEED ?? 1)

const MIX = Object.entries(OPERATIONS).flatMap(([name, [weight]]) =>
  Array<string>(weight).fill(name),
)

onEachServer(`${COUNT} mixed operations of ${TENANTS.length} tenants, seed ${SEED}`, (server) => {
  it('never see or leave anything of another tenant', async function () {
    this.timeout(600_000)
    const connection = { ...urlOptions(server.url), multipleStatements: true }
    const options = { tenants: TENANTS, connection, allowMultipleStatements: true }
    await withTenants(server, { ...options, pool: { max: POOL } }, async (context) => {
      await createLedgers(context)
      const sockets = watchSockets(context)
      const acknowledged = await storm(context)
      expect(await sockets.stop(), 'sockets at most').to.be.at.most(POOL + 1)
      await audit(context, acknowledged)
    })
  })
})

async function createLedgers({ tenantKnex }: TestTenants): Promise<void> {
  for (const id of TENANTS) {
    await tenantKnex(id).schema.createTable('ledger', (table) => {
      table.integer('operation').primary()
      table.string('tenant', 128).notNullable()
    })
  }
}

/** Runs all operations; returns the numbers of those whose write was acknowledged, by tenant. */
async function storm({ tenantKnex, databaseOf }: TestTenants): Promise<Map<string, number[]>> {
  const random = seededRandom(SEED)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const acknowledged = new Map(TENANTS.map((id) => [id, [] as number[]]))
  const failures: unknown[] = []
  let next = 0

  const work = async (): Promise<void> => {
    while (next < COUNT && failures.length < 5) {
      const number = ++next
      const [name, id, other] = [pick(MIX), pick(TENANTS), pick(TENANTS)]
      const operation: Operation = {
        number,
        id,
        otherDatabase: databaseOf(
          other === id ? (TENANTS.find((one) => one !== id) as string) : other,
        ),
        tenantKnex,
        knex: tenantKnex(id),
        acknowledge: () => acknowledged.get(id)?.push(number),
      }
      try {
        await OPERATIONS[name]?.[1](operation)
      } catch (error) {
        failures.push(new Error(`${name} #${number} of ${id}`, { cause: error }))
      }
    }
  }
  await Promise.all(Array.from({ length: WORKERS }, work))
  if (failures.length > 0) throw failures[0]
  return acknowledged
}

/** Asks the server all the while how many connections of the pool it sees. */
function watchSockets({ connectionsSeen }: TestTenants): { stop(): Promise<number> } {
  let isStopped = false
  const watching = (async () => {
    let most = 0
    while (!isStopped) {
      most = Math.max(most, await connectionsSeen())
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    return most
  })()
  return {
    stop: () => {
      isStopped = true
      return watching
    },
  }
}

/** Looks into every database, past the library: its ledger holds what was acknowledged, no more. */
async function audit(
  { admin, databaseOf }: TestTenants,
  acknowledged: ReadonlyMap<string, number[]>,
): Promise<void> {
  for (const [id, numbers] of acknowledged) {
    const [rows] = await admin.query(
      `SELECT * FROM \`${databaseOf(id)}\`.ledger ORDER BY operation`,
    )
    const expected = numbers.sort((a, b) => a - b)
    expect(rows, `ledger of ${id}`).to.deep.equal(
      expected.map((operation) => ({ operation, tenant: id })),
    )
    const [items] = await admin.query(`SELECT DISTINCT tenant FROM \`${databaseOf(id)}\`.items`)
    expect(items).to.deep.equal([{ tenant: id }])
  }
}
