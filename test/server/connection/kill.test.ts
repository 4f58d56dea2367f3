import { expect } from 'chai'
import type { Connection, RowDataPacket } from 'mysql2/promise'
import mysql from 'mysql2/promise'
import { type KillTarget, killQueries } from '../../../src/connection/kill.ts'
import { openConnection } from '../../../src/connection/open.ts'
import { resolveOptions } from '../../../src/options/options.ts'
import {
  onEachServer,
  rejection,
  type TestServer,
  until,
  urlOptions,
  withTenants,
} from '../../support/tenants.ts'

/** Kills by the id of a connection that was opened at this time of the process’s clock. */
async function kill(
  server: TestServer,
  connectionId: number,
  openedAt: number,
  isKilledWhole = false,
): Promise<void> {
  const serverId = await serverIdOf(server)
  const target = { connectionId, serverId, openedAt, isKilledWhole }
  expect((await resultOf(server, target))?.status).to.equal('fulfilled')
}

async function resultOf(
  server: TestServer,
  target: KillTarget,
): Promise<PromiseSettledResult<void> | undefined> {
  const signal = AbortSignal.timeout(5_000)
  const [result] = await killQueries(urlOptions(server.url), [target], signal)
  return result
}

/** As a connection of the pool's has it. */
async function serverIdOf(server: TestServer): Promise<KillTarget['serverId']> {
  const { options } = await resolveOptions({ connection: server.url }).connect()
  const { connection } = await openConnection(
    options,
    {
      name: 'default',
      server: 'default',
      session: [],
      qualifies: false,
      switchTimeoutMillis: 1_000,
      switchMode: 'auto',
      confirmedAt: new WeakMap(),
      events: {
        onSwitch: () => undefined,
        onRefusal: () => undefined,
        onDefinition: () => undefined,
      },
    },
    AbortSignal.timeout(5_000),
  )
  await connection.close()
  return connection.serverId
}

async function isSleeping(admin: Connection, connectionId: number): Promise<boolean> {
  const [rows] = await admin.query<RowDataPacket[]>('SHOW FULL PROCESSLIST')
  const info = rows.find(({ Id }) => Id === connectionId)?.Info as string | null | undefined
  return info?.includes('SLEEP') === true
}

/** A server tells its age in whole seconds, and one is allowed for. */
async function isOlderThanDoubts(admin: Connection): Promise<boolean> {
  const [[row]] = await admin.query<RowDataPacket[]>("SHOW GLOBAL STATUS LIKE 'Uptime'")
  return Number(row?.Value) > 2
}

onEachServer('the ending of a statement', (server) => {
  it('spares a connection with an id from before the server was started: it is a stranger’s', () =>
    withTenants(server, { tenants: [] }, async ({ admin }) => {
      const stranger = await mysql.createConnection({ uri: server.adminUrl })
      const id = stranger.threadId
      const slept = stranger.query('SELECT SLEEP(20)').catch(({ code }) => code as string)
      await until('it sleeps', () => isSleeping(admin, id))
      await until('it is clear when the server began', () => isOlderThanDoubts(admin))
      await kill(server, id, Number.NEGATIVE_INFINITY)
      expect(await isSleeping(admin, id)).to.equal(true)
      await kill(server, id, performance.now())
      const end = await slept // MySQL's SLEEP gives 1 then
      if (typeof end === 'string') expect(end).to.equal('ER_QUERY_INTERRUPTED')
      await stranger.end()
    }))

  it('spares a connection of another server, where an address may lead after a failover', () =>
    withTenants(server, { tenants: [] }, async ({ admin }) => {
      const stranger = await mysql.createConnection({ uri: server.adminUrl })
      const connectionId = stranger.threadId
      const slept = stranger.query('SELECT SLEEP(20)').catch(() => undefined)
      await until('it sleeps', () => isSleeping(admin, connectionId))
      await until('it is clear when the server began', () => isOlderThanDoubts(admin))
      const openedAt = performance.now()
      for (const serverId of ['another 3306 1', undefined]) {
        const target = { connectionId, serverId, openedAt, isKilledWhole: true }
        const result = (await resultOf(server, target)) as PromiseRejectedResult
        expect(result.reason).to.include({ code: 'ERR_SERVER_UNREACHABLE', connectionId })
      }
      expect(await isSleeping(admin, connectionId)).to.equal(true)
      await kill(server, connectionId, openedAt, true)
      await slept
      stranger.destroy()
    }))

  it('ends the connection with it, where that is asked for', () =>
    withTenants(server, { tenants: [] }, async ({ admin }) => {
      await until('it is clear when the server began', () => isOlderThanDoubts(admin))
      const stranger = await mysql.createConnection({ uri: server.adminUrl })
      const slept = rejection(stranger.query('SELECT SLEEP(20)'))
      await until('it sleeps', () => isSleeping(admin, stranger.threadId))
      await kill(server, stranger.threadId, performance.now(), true)
      await slept
      expect((await rejection(stranger.query('SELECT 1'))).message).to.match(/closed|lost/i)
    }))
})
