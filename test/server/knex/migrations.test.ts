import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Knex } from 'knex'
import { onEachServer, type RejectedError, rejection, withTenants } from '../../support/tenants.ts'
import { sameAsPlain } from './same-as-plain.ts'

type Step = (knex: Knex) => PromiseLike<unknown>

/** Migrations that exist in memory only. */
function migrations(steps: Record<string, Step>): Knex.MigratorConfig {
  return {
    migrationSource: {
      getMigrations: async () => Object.keys(steps),
      getMigrationName: (name: string) => name,
      getMigration: async (name: string) => ({
        up: (knex: Knex) => Promise.resolve(steps[name]?.(knex)),
        down: (knex: Knex) => knex.schema.dropTableIfExists(name),
      }),
    },
  } as Knex.MigratorConfig
}

const makes =
  (table: string): Step =>
  (knex) =>
    knex.schema.createTable(table, (made) => void made.increments('id'))

const TWO = migrations({ one: makes('one'), two: makes('two') })
const FAILS = migrations({
  one: makes('one'),
  two: async (knex) => {
    await knex('items').insert({ tenant: 'new', val: 1 })
    await knex('missing')
  },
})

/** Knex leaves ES modules out unless told. */
const MODULES = { loadExtensions: ['.mjs'] }

/** Which tables there are, apart from when they were made. */
async function tables(knex: Knex): Promise<string[]> {
  const [rows] = await knex.raw('SHOW TABLES')
  return rows.flatMap((row: object) => Object.values(row))
}

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tenant-knex-test-'))
  try {
    await test(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

onEachServer('migrations of a bound Knex do what plain Knex’s do', (server) => {
  it('latest, list, status, currentVersion, down, up, rollback', () =>
    sameAsPlain(server, async (knex) => {
      const { migrate } = knex
      return [
        await migrate.currentVersion(TWO),
        await migrate.status(TWO),
        await migrate.latest(TWO),
        await migrate.latest(TWO),
        await migrate
          .list(TWO)
          .then(([done, open]) => [done.map(({ name }: { name: string }) => name), open]),
        await migrate.status(TWO),
        await migrate.down(TWO),
        await migrate.currentVersion(TWO),
        await migrate.up(TWO),
        await tables(knex),
        await migrate.rollback(TWO, true),
        await tables(knex),
      ]
    }))

  it('a failing migration is undone as far as the server can, and leaves no lock', () =>
    sameAsPlain(server, async (knex) => {
      const { code } = await rejection(knex.migrate.latest(FAILS))
      const isLocked = await knex('knex_migrations_lock').pluck('is_locked')
      return [code, isLocked, await tables(knex), await knex('items').count()]
    }))

  it('a lock that was left is told of, and can be removed', () =>
    sameAsPlain(server, async (knex) => {
      await knex.migrate.latest(migrations({}))
      await knex('knex_migrations_lock').update({ is_locked: 1 })
      const { name, message } = await rejection(knex.migrate.latest(TWO))
      await knex.migrate.forceFreeMigrationsLock(TWO)
      return [name, message, await knex.migrate.latest(TWO)]
    }))

  it('several instances at once run each migration once', () =>
    sameAsPlain(
      server,
      async (knex) => {
        await knex.migrate.latest(migrations({}))
        await Promise.allSettled([1, 2, 3].map(() => knex.migrate.latest(TWO)))
        return [await tables(knex), await knex('knex_migrations').orderBy('id').pluck('name')]
      },
      { pool: { max: 4 } },
    ))

  it('without a transaction, and with a table of another name', () =>
    sameAsPlain(server, async (knex) => {
      const own = { ...TWO, tableName: 'done', disableTransactions: true }
      await knex.migrate.latest(own)
      return [await tables(knex), await knex.migrate.currentVersion(own)]
    }))

  it('the configuration of createTenantKnex is theirs', () =>
    sameAsPlain(
      server,
      async (knex) => {
        await knex.migrate.latest()
        return [await tables(knex), await knex.migrate.currentVersion()]
      },
      { migrations: { ...TWO, tableName: 'configured' } },
    ))

  it('in a transaction that is rolled back', () =>
    sameAsPlain(server, async (knex) => {
      const insert = migrations({ one: (trx) => trx('items').insert({ tenant: 'new', val: 1 }) })
      await knex.migrate.latest(migrations({}))
      const trx = await knex.transaction()
      const done = await trx.migrate.latest(insert)
      await trx.rollback()
      return [done, await knex('items').count(), await knex.migrate.currentVersion(insert)]
    }))

  it('from a folder, into which they are made', () =>
    withFolder((folder) =>
      sameAsPlain(server, async (knex) => {
        const directory = join(folder, 'made')
        const file = await knex.migrate.make('first', { directory, extension: 'mjs' } as never)
        const [name] = await readdir(directory)
        const code = "export const up = (knex) => knex('items').insert({ tenant: 'new', val: 5 })\n"
        await writeFile(join(directory, name as string), `${code}export const down = () => {}\n`)
        const [batch, files] = await knex.migrate.latest({ directory, ...MODULES })
        await rm(directory, { recursive: true })
        return [file.length > 0, batch, files.length, await knex('items').where('val', 5).count()]
      }),
    ))
})

onEachServer('migrations of many tenants', (server) => {
  it('run at once, each in its own database with a lock of its own', () =>
    withTenants(server, { pool: { max: 3 } }, async ({ tenantKnex, databaseOf, admin }) => {
      const record: Step = (knex) =>
        knex.raw('CREATE TABLE made AS SELECT DATABASE() AS here, tenant FROM items LIMIT 1')
      const config = migrations({ one: record, two: makes('two') })
      await Promise.all(['a', 'b', 'c'].map((id) => tenantKnex(id).migrate.latest(config)))
      for (const id of ['a', 'b', 'c']) {
        const [rows] = await admin.query('SELECT * FROM ??.made', [databaseOf(id)])
        expect(rows).to.deep.equal([{ here: databaseOf(id), tenant: id }])
        expect(await tenantKnex(id)('knex_migrations').pluck('name')).to.deep.equal(['one', 'two'])
      }
    }))

  it('and seeds run by the ambient Knex for the tenant in scope', () =>
    withFolder((directory) =>
      withTenants(server, { pool: { max: 2 } }, async ({ tenantKnex }) => {
        const code = "export const seed = (knex) => knex('one').insert({ id: 7 })\n"
        await writeFile(join(directory, 'seed.mjs'), code)
        await Promise.all(
          ['a', 'b'].map((id) =>
            tenantKnex.run(id, async () => {
              await tenantKnex.ambient.migrate.latest(TWO)
              if (id === 'b') await tenantKnex.ambient.seed.run({ directory, ...MODULES })
            }),
          ),
        )
        expect(await tenantKnex('a')('one')).to.deep.equal([])
        expect(await tenantKnex('b')('one')).to.deep.equal([{ id: 7 }])
        expect(await tenantKnex('c').schema.hasTable('one')).to.equal(false)
      }),
    ))

  it('fail for one alone; the lock of one holds up no other', () =>
    withTenants(server, { pool: { max: 3 } }, async ({ tenantKnex }) => {
      await tenantKnex('a').migrate.latest(migrations({}))
      await tenantKnex('a')('knex_migrations_lock').update({ is_locked: 1 })
      await tenantKnex('b').schema.createTable('one', (table) => void table.increments())
      const [a, b, c] = await Promise.allSettled(
        ['a', 'b', 'c'].map((id) => tenantKnex(id).migrate.latest(TWO)),
      )
      expect(a).to.have.nested.property('reason.name', 'MigrationLocked')
      expect(b).to.have.nested.property('reason.code', 'ER_TABLE_EXISTS_ERROR')
      expect(b).to.have.nested.property('reason.tenant', 'b')
      expect(c).to.have.property('status', 'fulfilled')
    }))
})

onEachServer('seeds of a bound Knex do what plain Knex’s do', (server) => {
  it('are made in a folder and run from it, in their order', () =>
    withFolder((folder) =>
      sameAsPlain(server, async (knex) => {
        const directory = join(folder, 'seeds')
        const made = await knex.seed.make('zero', { directory })
        const stub = await readFile(made, 'utf8')
        await rm(made)
        await writeFile(
          join(directory, '1.mjs'),
          "export const seed = (knex) => knex('items').del()\n",
        )
        await writeFile(
          join(directory, '2.mjs'),
          "export const seed = (knex) => knex('items').insert({ tenant: 'seeded', val: 2 })\n",
        )
        const [files] = await knex.seed.run({ directory, ...MODULES })
        await rm(directory, { recursive: true })
        return [stub, files.length, await knex('items').select('tenant', 'val')]
      }),
    ))

  it('the configuration of createTenantKnex is theirs, and a failing one names its file', () =>
    withFolder(async (directory) => {
      await writeFile(
        join(directory, 'bad.mjs'),
        "export const seed = (knex) => knex('missing').del()\n",
      )
      await sameAsPlain(
        server,
        async (knex) => {
          const error = await rejection(knex.seed.run())
          return [error.message.includes('bad.mjs'), error.message.includes('missing')]
        },
        { seeds: { directory, ...MODULES } },
      )
    }))
})

onEachServer('migrations that fail', (server) => {
  const failing = async (prepare: Step, config: Knex.MigratorConfig) => {
    const logged: string[] = []
    let failure: RejectedError | undefined
    const log = { warn: (message: unknown) => void logged.push(String(message)) }
    await withTenants(server, { log }, async ({ tenantKnex }) => {
      await prepare(tenantKnex('a'))
      failure = await rejection(tenantKnex('a').migrate.latest(config))
      await tenantKnex.run('a', async () => {
        const error = await rejection(tenantKnex.ambient.migrate.latest(config))
        expect(error.message).to.equal(failure?.message)
      })
    })
    return { logged, failure }
  }

  it('say of which tenant they are, in the log and by a property', async () => {
    const { logged, failure } = await failing(async () => undefined, {
      ...migrations({
        one: async () => {
          throw new Error('no server is asked')
        },
      }),
    })
    expect(failure).to.include({ message: 'no server is asked', tenant: 'a' })
    expect(Object.keys(failure as object)).to.deep.equal([])
    for (const line of logged) expect(line).to.match(/^Tenant "a": migration .*failed/)
    expect(logged).to.have.lengthOf(4)
  })

  it('as others migrate say of which tenant the lock is', async () => {
    const lock: Step = async (knex) => {
      await knex.migrate.latest(TWO)
      await knex('knex_migrations_lock').update({ is_locked: 1 })
    }
    const { logged, failure } = await failing(lock, TWO)
    expect(failure).to.include({
      name: 'MigrationLocked',
      message: 'Migration table is already locked',
      tenant: 'a',
    })
    expect(logged[0]).to.equal(
      'Tenant "a": Can\'t take lock to run migrations: Migration table is already locked',
    )
  })
})
