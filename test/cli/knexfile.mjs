import { createTenantKnex } from 'tenant-knex'

const connection = {
  host: process.env.DB_HOST,
  port: Number(process.env.DB_PORT ?? 3306),
  user: process.env.DB_USER,
  password: process.env.DB_PASSWORD,
}
const tenantKnex = createTenantKnex({ connection }) // here it only maps ids: it connects nowhere
const files = { loadExtensions: ['.js', '.mjs', '.ts'] } // by itself Knex makes .mjs, but leaves it out

export default {
  client: 'mysql2',
  connection: () => {
    const { TENANT } = process.env
    if (!TENANT) throw new Error('Name a tenant: TENANT=acme npx knex migrate:latest')
    return { ...connection, database: tenantKnex(TENANT).tenant.database }
  },
  migrations: files,
  seeds: files,
}
