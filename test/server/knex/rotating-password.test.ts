import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import type { Connection } from 'mysql2/promise'
import { onEachServer, rejection, urlOptions, withTenants } from '../../support/tenants.ts'

/** An account whose password can be changed, and the settings a secret store would give for it. */
class Account {
  readonly user = `tk_rotating_${randomBytes(4).toString('hex')}`
  readonly #admin: Connection
  password = 'first-password'
  asked = 0
  isExpired = false

  constructor(admin: Connection) {
    this.#admin = admin
  }

  async create(): Promise<void> {
    await this.#admin.query('CREATE USER ? IDENTIFIED BY ?', [this.user, this.password])
    await this.#admin.query('GRANT ALL ON *.* TO ?', [this.user])
  }

  async rotate(): Promise<void> {
    this.password = `password-${randomBytes(4).toString('hex')}`
    await this.#admin.query('ALTER USER ? IDENTIFIED BY ?', [this.user, this.password])
    this.isExpired = true
  }

  async drop(): Promise<void> {
    await this.#admin.query('DROP USER IF EXISTS ?', [this.user])
  }
}

onEachServer('a connection function with expirationChecker', (server) => {
  /** Runs a test with an account that `connection` asks for. */
  const withAccount = (
    max: number,
    test: (
      account: Account,
      tenants: Parameters<Parameters<typeof withTenants>[2]>[0],
    ) => Promise<void>,
  ): Promise<void> => {
    let account: Account | undefined
    const connection = async () => {
      if (!account) throw new Error('There is no account yet.')
      account.asked++
      account.isExpired = false
      const { user, password } = account
      const expirationChecker = () => account?.isExpired ?? false
      return { ...urlOptions(server.url), user, password, expirationChecker }
    }
    return withTenants(server, { connection, pool: { max } }, async (tenants) => {
      account = new Account(tenants.admin)
      try {
        await account.create()
        await test(account, tenants)
      } finally {
        await tenants.tenantKnex.destroy()
        await account.drop()
      }
    })
  }

  it('lets old connections go on after a password changed, and makes new ones with the new', () =>
    withAccount(3, async (account, { tenantKnex }) => {
      const ids = ['a', 'b', 'c']
      const trx = await tenantKnex('a').transaction()
      await trx('items').update({ val: 1 })
      await account.rotate()
      expect(await trx('items').distinct().pluck('tenant')).to.deep.equal(['a'])
      const here = await Promise.all(
        ids.slice(1).map((id) => tenantKnex(id).raw('SELECT DATABASE() AS here, SLEEP(0.1)')),
      )
      expect(here.map(([[row]]) => row.here)).to.deep.equal(
        ids.slice(1).map((id) => tenantKnex(id).tenant.database),
      )
      await trx.commit()
      expect(tenantKnex.connections()).to.have.lengthOf(3)
      expect(account.asked).to.equal(2)
    }))

  it('switches tenants on old connections without logging in', () =>
    withAccount(1, async (account, { tenantKnex }) => {
      await tenantKnex('a')('items')
      await account.rotate()
      for (const id of ['b', 'c', 'a']) {
        expect(await tenantKnex(id)('items').first('tenant')).to.deep.equal({ tenant: id })
      }
      expect(account.asked).to.equal(1)
    }))

  it('cancels a statement with the password of now', () =>
    withAccount(1, async (account, { tenantKnex }) => {
      await tenantKnex('a')('items')
      await account.rotate()
      const error = await rejection(
        tenantKnex('a').raw('SELECT SLEEP(30)').timeout(100, { cancel: true }),
      )
      expect(error.name).to.equal('KnexTimeoutError')
      expect(await tenantKnex('b')('items').first('tenant')).to.deep.equal({ tenant: 'b' })
      expect(tenantKnex.stats().servers[0].connects).to.equal(1)
      expect(account.asked).to.equal(2)
    }))

  it('that did not notice a change is told of the refusal, without the password', () =>
    withAccount(1, async (account, { tenantKnex }) => {
      await tenantKnex('a')('items')
      await account.rotate()
      account.isExpired = false
      tenantKnex.forget('a') // the next query needs a new connection
      const old = 'first-password'
      const error = await rejection(tenantKnex('b')('items'))
      expect(error).to.include({ code: 'ERR_SERVER_REFUSED', tenant: 'b', outcome: 'not-sent' })
      expect(error.cause).to.have.property('code', 'ER_ACCESS_DENIED_ERROR')
      expect(JSON.stringify(error) + error.stack).not.to.contain(old)
      account.isExpired = true
      expect(await tenantKnex('b')('items').first('tenant')).to.deep.equal({ tenant: 'b' })
    }))
})

onEachServer('a connection function that fails', (server) => {
  it('fails the query with its own error, and is asked again by the next', () => {
    let isDown = true
    const connection = async () => {
      if (isDown) throw new Error('the secret store is down')
      return urlOptions(server.url)
    }
    return withTenants(server, { connection }, async ({ tenantKnex }) => {
      const error = await rejection(tenantKnex('a')('items'))
      expect(error.message).to.contain('the secret store is down')
      const inTransaction = await rejection(
        tenantKnex('a').transaction(async (trx) => trx('items')),
      )
      expect(inTransaction.message).to.contain('the secret store is down')
      isDown = false
      expect(await tenantKnex('a')('items').first('tenant')).to.deep.equal({ tenant: 'a' })
    })
  })

  it('or gives a database, or nothing, is told of it', () =>
    withTenants(
      server,
      { connection: () => ({ ...urlOptions(server.url), database: 'x' }) as never },
      async ({ tenantKnex }) => {
        const error = await rejection(tenantKnex('a')('items'))
        expect(error).to.have.property('code', 'ERR_OPTION_INVALID')
        expect(error.message).to.contain('`connection.database` must not be given')
      },
    ))
})
