const tenantKnexPackage = require('tenant-knex')
const use = require('./use.cjs')

test('the package works in Jest', () => use(tenantKnexPackage))
