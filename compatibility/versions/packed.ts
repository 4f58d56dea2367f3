import { randomBytes } from 'node:crypto'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { lastLines, messageOf } from '../../test/support/servers/run.ts'
import { type NodeRun, runNode } from './node-run.ts'
import type { Failure } from './suite.ts'

const TIMEOUT_MILLIS = 60_000

type Check = (run: NodeRun) => Promise<string | undefined>

// Includes the applications of scripts/check-package.mjs, which write and read rows. Each check returns its
// problems.
const CHECKS: Readonly<Record<string, Check>> = {
  'the package as ES modules': (run) => use(run, 'esm.mjs'),
  'the package as CommonJS': (run) => use(run, 'commonjs.cjs'),
  'both copies of the package in one process': (run) => use(run, 'both.mjs'),
  'the types of the package, ES modules': (run) => compile(run, 'typed.mts'),
  'the types of the package, CommonJS': (run) => compile(run, 'typed.cts'),
}

/** Uses the packed package as an application would. */
export async function checkPackage(
  run: NodeRun,
): Promise<{ readonly passed: number; readonly failures: readonly Failure[] }> {
  const failures: Failure[] = []
  for (const [title, check] of Object.entries(CHECKS)) {
    const message = await check(run).catch(messageOf)
    if (message !== undefined) failures.push({ title, message })
  }
  return { passed: Object.keys(CHECKS).length - failures.length, failures }
}

function use(run: NodeRun, file: string): Promise<string | undefined> {
  const { consumer } = run.workspace
  return withTenant(run, async (environment) => {
    const args = [join(consumer, file)]
    const end = await runNode({ ...run, environment }, consumer, args, TIMEOUT_MILLIS)
    return end.problem && `${end.problem}\n${lastLines(end.output)}`
  })
}

async function compile(run: NodeRun, file: string): Promise<string | undefined> {
  const { consumer, project } = run.workspace
  copyFileSync(join(consumer, 'typed.ts.txt'), join(consumer, file))
  const modules = join(project, 'node_modules')
  const tsc = join(modules, 'typescript', 'bin', 'tsc')
  const types = ['--types', 'node', '--typeRoots', join(modules, '@types')]
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', ...types]
  const end = await runNode(run, consumer, [tsc, ...options, file], TIMEOUT_MILLIS)
  if (end.problem === undefined || hasOnlyErrorsOfKnex(end.output)) return undefined
  return `${end.problem}\n${lastLines(end.output)}`
}

// Knex 3.0.1 has two errors, which its users see without us too.
function hasOnlyErrorsOfKnex(output: string): boolean {
  const errors = output.split('\n').filter((line) => line.includes(': error TS'))
  return errors.length > 0 && errors.every((line) => line.startsWith('node_modules/knex/'))
}

/** Runs a function with a database for one tenant. */
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
