import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { ConnectionOptions } from 'mysql2'
import mysql, { type RowDataPacket } from 'mysql2/promise'
import { localProgram } from '../../support/servers/local-program.ts'
import { Reaper } from '../../support/servers/reaper.ts'
import { startThrowaway } from '../../support/servers/throwaway.ts'
import {
  rejection,
  type TestServer,
  testServers,
  urlOptions,
  withTenants,
} from '../../support/tenants.ts'

/** A server that encrypts, and what trusts it. */
interface TlsServer {
  readonly server: TestServer
  readonly ssl: NonNullable<ConnectionOptions['ssl']>
}

/** The server itself where it offers TLS; else one started for this, where one is installed. */
async function tlsServer(server: TestServer, reaper: Reaper): Promise<TlsServer | undefined> {
  if (await offersTls(server)) return { server, ssl: { rejectUnauthorized: false } }
  const name = server.name === 'MySQL' ? 'mysql' : 'mariadb'
  const program = await localProgram(reaper, name)
  const certificate = program && makeCertificate(reaper)
  if (!certificate) return undefined
  const { key, cert } = certificate
  const url = await startThrowaway(reaper, name, program, [
    `--ssl-key=${key}`,
    `--ssl-cert=${cert}`,
  ])
  return { server: { ...server, url, adminUrl: url }, ssl: { ca: readFileSync(cert, 'utf8') } }
}

async function offersTls({ adminUrl }: TestServer): Promise<boolean> {
  const admin = await mysql.createConnection(adminUrl)
  const [rows] = await admin.query<RowDataPacket[]>("SHOW VARIABLES LIKE 'ssl_cert'")
  await admin.end()
  return rows.some(({ Value }) => Value !== '')
}

/** A key, and a certificate for this machine that is signed with it. */
function makeCertificate(reaper: Reaper): { key: string; cert: string } | undefined {
  const folder = reaper.temporaryFolder(tmpdir(), 'tenant-knex-tls-')
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1']
  const files = ['-keyout', key, '-out', cert]
  const { status } = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'],
    ...names,
    ...files,
  ])
  return status === 0 ? { key, cert } : undefined
}

for (const given of testServers()) {
  describe(`the connection option ssl, on ${given.name}`, () => {
    const reaper = new Reaper()
    const user = `tk_tls_${randomBytes(4).toString('hex')}`
    let tls: TlsServer | undefined

    before(async function () {
      this.timeout(60_000)
      tls = await tlsServer(given, reaper)
      if (tls === undefined) return this.skip()
      const admin = await mysql.createConnection(tls.server.adminUrl)
      await admin.query('CREATE USER ? REQUIRE SSL', [user])
      await admin.query('GRANT ALL ON *.* TO ?', [user])
      await admin.end()
    })

    after(async () => {
      if (tls) {
        const admin = await mysql.createConnection(tls.server.adminUrl)
        await admin.query('DROP USER IF EXISTS ?', [user])
        await admin.end()
      }
      await reaper.end()
    })

    const settings = (): TlsServer & { connection: ReturnType<typeof urlOptions> } => {
      if (!tls) throw new Error('There is no server with TLS.')
      return { ...tls, connection: { ...urlOptions(tls.server.url), user } }
    }

    it('encrypts every tenant’s connection, switched or new, and that which cancels', () => {
      const { server, ssl, connection } = settings()
      const options = { connection: { ...connection, ssl }, pool: { max: 2 } }
      return withTenants(server, options, async ({ tenantKnex }) => {
        const ids = ['a', 'b', 'c', 'a', 'b', 'c']
        const ciphers = await Promise.all(
          ids.map((id) => tenantKnex(id).raw("SHOW STATUS LIKE 'Ssl_cipher'")),
        )
        for (const [[row]] of ciphers) expect(row.Value).to.match(/^[A-Z0-9_-]{5,}$/)
        const slow = tenantKnex('a').raw('SELECT SLEEP(30)').timeout(100, { cancel: true })
        expect((await rejection(slow)).name).to.equal('KnexTimeoutError')
        for (const id of [...ids, ...ids]) {
          expect(await tenantKnex(id)('items').first('tenant')).to.deep.equal({ tenant: id })
        }
        for await (const row of tenantKnex('b')('items').stream()) expect(row.tenant).to.equal('b')
      })
    })

    it('left out, an account that requires it is refused', () => {
      const { server, connection } = settings()
      return withTenants(server, { connection }, async ({ tenantKnex }) => {
        const error = await rejection(tenantKnex('a')('items'))
        expect(error).to.include({ code: 'ERR_SERVER_REFUSED', outcome: 'not-sent' })
      })
    })

    it('with a certificate that nobody vouches for, it does not connect', () => {
      const { server, connection } = settings()
      const options = { connection: { ...connection, ssl: {} } }
      return withTenants(server, options, async ({ tenantKnex }) => {
        const error = await rejection(tenantKnex('a')('items'))
        expect(error).to.include({ code: 'ERR_SERVER_UNREACHABLE', outcome: 'not-sent' })
        expect(error.cause?.message).to.contain('self')
      })
    })
  })
}
