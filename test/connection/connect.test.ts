import { expect } from 'chai'
import type { Connection, RowDataPacket } from 'mysql2/promise'
import mysql from 'mysql2/promise'
import { killQueries } from '../../src/connection/connect.ts'
import {
  onEachServer,
  rejection,
  type TestServer,
  until,
  urlOptions,
  withTenants,
} from '../support/tenants.ts'

/** Kills by the id of a connection that was opened at this time of the process’s clock. */
async function kill(
  server: TestServer,
  connectionId: number,
  openedAt: number,
  isKilledWhole = false,
): Promise<void> {
  const targets = [{ connectionId, openedAt, isKilledWhole }]
  const [result] = await killQueries(urlOptions(server.url), targets, AbortSignal.timeout(5_000))
  expect(result?.status).to.equal('fulfilled')
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
