const tenantKnexPackage = require('tenant-knex')
const use = require('./use.cjs')

use(tenantKnexPackage)
