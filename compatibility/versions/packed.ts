import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { lastLines } from '../../test/support/servers/run.ts'
import { type NodeRun, runNode } from './node-run.ts'
import type { Failure } from './suite.ts'

const TIMEOUT_MILLIS = 60_000

// The applications of scripts/check-package.mjs, which write and read rows.
const CONSUMERS: Readonly<Record<string, string>> = {
  'the package as ES modules': 'esm.mjs',
  'the package as CommonJS': 'commonjs.cjs',
  'both copies of the package in one process': 'both.mjs',
}

/** Uses the packed package as an application does. */
export async function checkPackage(
  run: NodeRun,
): Promise<{ readonly passed: number; readonly failures: readonly Failure[] }> {
  const failures: Failure[] = []
  for (const [title, file] of Object.entries(CONSUMERS)) {
    const message = await withTenant(run, (environment) => use({ ...run, environment }, file))
    if (message !== undefined) failures.push({ title, message })
  }
  return { passed: Object.keys(CONSUMERS).length - failures.length, failures }
}

async function use(run: NodeRun, file: string): Promise<string | undefined> {
  const { consumer } = run.workspace
  const { problem, output } = await runNode(run, consumer, [join(consumer, file)], TIMEOUT_MILLIS)
  return problem && `${problem}\n${lastLines(output)}`
}

/** With the database of a tenant of its own. */
async function withTenant<T>(
  { environment }: NodeRun,
  fn: (environment: NodeJS.ProcessEnv) => Promise<T>,
): Promise<T> {
  const tenant = `check_${randomBytes(6).toString('hex')}`
  const admin = await createConnection(environment.TENANT_KNEX_MARIADB_URL as string)
  try {
    await admin.query(`CREATE DATABASE tenant_${tenant}`)
    return await fn({ ...environment, CHECK_TENANT: tenant })
  } finally {
    await admin.query(`DROP DATABASE IF EXISTS tenant_${tenant}`)
    await admin.end()
  }
}
