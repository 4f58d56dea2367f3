import mysql from 'mysql2/promise'
import { createTenantKnex } from '../src/index.ts'

for (const url of [process.env.TENANT_KNEX_MARIADB_URL!, process.env.TENANT_KNEX_MYSQL_URL!]) {
  const admin = await mysql.createConnection(url)
  for (const t of ['a', 'b', 'c']) {
    await admin.query(`drop database if exists zz_${t}`)
    await admin.query(`create database zz_${t}`)
    await admin.query(
      `create table zz_${t}.items (id int primary key auto_increment, tenant varchar(20), n int default 0)`,
    )
    await admin.query(`insert into zz_${t}.items (tenant) values ('${t}'), ('${t}')`)
  }
  const u = new URL(url)
  const tk = createTenantKnex({
    connection: { host: u.hostname, port: Number(u.port), user: 'root', password: '' },
    database: (id) => `zz_${id}`,
    qualify: 'auto',
    pool: { max: 3 },
  })
  const see = async () => {
    for (const t of ['a', 'b', 'c']) await tk(t)('items').first()
  }
  await see()
  await new Promise((r) => setTimeout(r, 400))
  const before = tk.stats().servers?.[0] ?? tk.stats()
  for (let i = 0; i < 5; i++) await see()
  console.log(
    'switches',
    (tk.stats() as any).servers?.[0]?.switches ?? tk.stats(),
    'before',
    (before as any).switches,
  )
  console.log(
    await tk('a')('items').insert({ tenant: 'a' }),
    await tk('a')('items').count('* as n'),
  )
  console.log(
    await tk('b').transaction(async (trx) => {
      await trx('items').insert({ tenant: 'b' })
      const r = await trx.raw('select last_insert_id() as l, database() as d')
      return [r[0], await trx('items').count('* as n')]
    }),
  )
  console.log(
    await tk('c')
      .raw('select last_insert_id() as l, database() as d')
      .then((r) => r[0]),
  )
  console.log(
    await tk('c')('items').join('items as i2', 'i2.id', 'items.id').where('items.id', 1).delete(),
  )
  console.log(await tk('c')('nope').catch((e) => [e.code, e.sql, e.message]))
  console.log(
    await tk('c')('items')
      .insert({ id: 2 })
      .catch((e) => [e.code, e.sql, e.message]),
  )
  console.log(tk.connections(), tk.stats())
  await admin.query('drop database zz_c')
  console.log(await tk('c')('items').catch((e) => [e.code, e.message]))
  await tk.destroy()
  for (const t of ['a', 'b']) await admin.query(`drop database zz_${t}`)
  await admin.end()
}
