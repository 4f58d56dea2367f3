import { expect } from 'chai'
import type { RowDataPacket } from 'mysql2/promise'
import type { ConnectionSettings, TenantKnex } from '../../../src/index.ts'
import { onEachServer, type TestServer, urlOptions, withTenants } from '../../support/tenants.ts'
import { runAs } from './support.ts'

const fail = (): never => {
  throw new Error('A statement of the library came through here.')
}

/** Every option of mysql2's that changes statements, answers or the protocol. */
const OPTIONS: Readonly<Record<string, object>> = {
  'nestTables: true': { nestTables: true },
  'nestTables: a text': { nestTables: '_' },
  rowsAsArray: { rowsAsArray: true },
  'rowsAsArray and nestTables': { rowsAsArray: true, nestTables: true },
  'typeCast: false': { typeCast: false },
  'typeCast: a function': { typeCast: fail },
  'typeCast: a function, without eval': { typeCast: fail, disableEval: true },
  disableEval: { disableEval: true },
  'disableEval and nestTables': { disableEval: true, nestTables: true },
  bigNumberStrings: { supportBigNumbers: true, bigNumberStrings: true },
  decimalNumbers: { decimalNumbers: true },
  dateStrings: { dateStrings: true },
  jsonStrings: { jsonStrings: true },
  timezone: { timezone: '+05:30' },
  namedPlaceholders: { namedPlaceholders: true },
  queryFormat: {
    queryFormat: (sql: string) => (/select|set|create|insert/i.test(sql) ? sql : fail()),
  },
  'queryFormat that renames': {
    queryFormat: (sql: string) => sql.replace(/@@version|current_role\(\)(?! AS)/i, 'NULL'),
  },
  stringifyObjects: { stringifyObjects: true },
  'charset: latin1': { charset: 'latin1' },
  'charset: binary': { charset: 'binary' },
  compress: { compress: true },
  debug: { debug: true },
  'trace: false': { trace: false },
  insecureAuth: { insecureAuth: true },
  enableCleartextPlugin: { enableCleartextPlugin: true },
  infileStreamFactory: { infileStreamFactory: fail },
  gracefulEnd: { gracefulEnd: true },
  'maxPreparedStatements: 1': { maxPreparedStatements: 1 },
  'enableKeepAlive: false': { enableKeepAlive: false },
  connectAttributes: { connectAttributes: { program_name: 'shop' } },
  'flags without query attributes': { flags: ['-CLIENT_QUERY_ATTRIBUTES'] },
  'flags for several statements': { flags: ['MULTI_STATEMENTS'] },
  Promise: { Promise: class Other extends Promise<never> {} },
}

/** What `check()` says, but for what changes by itself. */
async function reportOf(tenantKnex: TenantKnex): Promise<object> {
  const [{ openConnections, ...report }] = (await tenantKnex.check()).servers
  expect(openConnections).to.be.greaterThan(0)
  return report
}

/** mysql2 writes all that it does to the console where `debug` is on. */
async function silently<T>(fn: () => Promise<T>): Promise<T> {
  const { log, trace } = console
  Object.assign(console, { log: () => undefined, trace: () => undefined })
  try {
    return await fn()
  } finally {
    Object.assign(console, { log, trace })
  }
}

onEachServer('the driver’s option', (server) => {
  const withOption = (more: object, test: Parameters<typeof withTenants>[2]): Promise<void> => {
    const connection: ConnectionSettings = { ...urlOptions(server.url), ...more }
    const options = { connection, allowMultipleStatements: true, pool: { max: 1 } }
    return silently(() => withTenants(server, options, test))
  }

  for (const [title, more] of Object.entries(OPTIONS)) {
    it(`${title} does not change what check() says`, () =>
      withOption({}, async ({ tenantKnex }) => {
        const usual = await reportOf(tenantKnex)
        await withOption(more, async (other) => {
          expect(await reportOf(other.tenantKnex)).to.deep.equal(usual)
        })
      }))

    it(`${title} does not change what a session is cleaned of`, () =>
      withOption(more, async ({ tenantKnex, admin, databaseOf }) => {
        const role = `tk_role_${process.pid}`
        const [[account]] = await admin.query<RowDataPacket[]>(
          'SELECT user AS name, host AS host FROM mysql.user WHERE user = ?',
          [urlOptions(server.url).user],
        )
        await admin.query('CREATE ROLE ??', [role])
        try {
          await admin.query('GRANT ?? TO ?@?', [role, account?.name, account?.host])
          await runAs(tenantKnex, 'a', [`SET ROLE ${role}`, keepsStatements(server)])
          await tenantKnex('a').raw("INSERT INTO items (tenant, val) VALUES ('card 4111', 0)")
          // By a table, as the option may change how rows look.
          await tenantKnex('b').raw(`CREATE TABLE seen AS SELECT CURRENT_ROLE() AS role,
            (SELECT COUNT(*) FROM information_schema.${keptStatements(server)}) AS kept`)
          const [rows] = await admin.query<RowDataPacket[]>(`SELECT * FROM ${databaseOf('b')}.seen`)
          const none = server.name === 'MariaDB' ? null : 'NONE'
          expect(rows).to.deep.equal([{ role: none, kept: 0 }])
          expect(tenantKnex.stats().servers[0]).to.include({ connects: 1, handOvers: 1 })
        } finally {
          await admin.query('DROP ROLE ??', [role])
        }
      }))
  }
})

/** What makes a server keep statements that survive a reset. */
function keepsStatements({ name }: TestServer): string {
  return name === 'MariaDB' ? 'SET profiling = 1' : "SET optimizer_trace = 'enabled=on'"
}

/** Where they show. */
function keptStatements({ name }: TestServer): string {
  return name === 'MariaDB' ? 'profiling' : 'optimizer_trace'
}
