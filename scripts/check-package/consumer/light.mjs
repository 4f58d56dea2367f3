// The modules for resolving requests load neither Knex nor a driver, in either format.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'

const HEAVY = /[\\/]node_modules[\\/](?:knex|mysql2|tarn)[\\/]/

const esm = `
  const { registerHooks } = await import('node:module')
  const urls = []
  registerHooks?.({ load: (url, context, next) => (urls.push(url), next(url, context)) })
  await import('tenant-knex/resolve')
  const { createRequire } = await import('node:module')
  console.log(JSON.stringify([...urls, ...Object.keys(createRequire(import.meta.url).cache)]))
`
const cjs = `
  require('tenant-knex/resolve')
  console.log(JSON.stringify(Object.keys(require.cache)))
`
for (const [type, source] of [
  ['module', esm],
  ['commonjs', cjs],
]) {
  const args = [`--input-type=${type}`, '--eval', source]
  const files = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }))
  if (type === 'commonjs') assert.ok(files.length > 1, 'nothing was seen being loaded')
  assert.deepEqual(
    files.filter((file) => HEAVY.test(file)),
    [],
    type,
  )
}
