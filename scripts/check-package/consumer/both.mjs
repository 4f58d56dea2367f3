// An application may load both copies of the package: its own code one copy, a library that it uses the
// other.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import knex from 'knex'
import * as esm from 'tenant-knex'
import use from './use.cjs'

const cjs = createRequire(import.meta.url)('tenant-knex')

assert.notEqual(esm.TenantKnexError, cjs.TenantKnexError, 'these are not two copies')
for (const [here, there] of [
  [esm, cjs],
  [cjs, esm],
]) {
  const error = refusal(there)
  assert.ok(error instanceof here.TenantKnexError)
  assert.equal(error.code, 'ERR_TENANT_ID_INVALID')
  const timeout = timeoutError(there)
  assert.ok(timeout instanceof here.TenantKnexError)
  assert.ok(timeout instanceof knex.KnexTimeoutError)
  assert.ok(!(new Error('not ours') instanceof here.TenantKnexError))
}
await use(esm)
await use(cjs)

function refusal({ createTenantKnex }) {
  try {
    createTenantKnex({ connection: { host: 'localhost' } })('UPPER')
  } catch (error) {
    return error
  }
}

function timeoutError({ AcquireTimeoutError }) {
  const pool = { total: 1, used: 1, own: 0, idle: 0, waiting: 1 }
  const place = { server: 'default', database: 'tenant_acme', tenant: { id: 'acme' } }
  return new AcquireTimeoutError(place, pool, 10)
}
