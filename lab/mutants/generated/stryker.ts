import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import type { Reaper } from '../../../test/support/servers.ts'
import { nodeThatStripsTypes } from '../strip-types.ts'
import { strykerPackages } from '../stryker-package.ts'
import { UNIT_TESTS } from '../test-files.ts'
import { Workspace } from '../workspace.ts'
import { MODULES } from './modules.ts'

const REPORT = 'mutation.json'

/** Stryker's report: https://github.com/stryker-mutator/mutation-testing-elements */
export interface StrykerReport {
  readonly files: Readonly<Record<string, { source: string; mutants: readonly StrykerMutant[] }>>
}

/** One mutant by Stryker. */
export interface StrykerMutant {
  readonly mutatorName: string
  readonly replacement: string
  /** `Killed`, `Timeout`, `Survived`, `NoCoverage`, `RuntimeError`, `CompileError`, `Ignored`. */
  readonly status: string
  /** Lines count from 1. */
  readonly location: { readonly start: { readonly line: number } }
}

/**
 * Lets Stryker make all its mutants of the modules, and run the modules' tests on each.
 *
 * @throws Error if Stryker failed
 */
export async function runStryker(reaper: Reaper): Promise<StrykerReport> {
  const node = await nodeThatStripsTypes(reaper)
  const stryker = join(await strykerPackages(reaper), 'core', 'bin', 'stryker.js')
  // Without a tsconfig.json, because with one Stryker requires TypeScript.
  const { folder } = new Workspace(reaper)
  const config = join(folder, 'stryker.config.json')
  writeFileSync(config, JSON.stringify(configuration(), undefined, 2))
  const child = reaper.spawn(node.path, [stryker, 'run', config], {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PATH: [dirname(node.path), process.env.PATH].join(delimiter) },
  })
  const [code, signal] = await once(child, 'exit')
  if (code !== 0) throw new Error(`Stryker ended with ${code ?? signal}`)
  return JSON.parse(readFileSync(join(folder, REPORT), 'utf8')) as StrykerReport
}

function configuration(): object {
  const mocha = 'node --disable-warning=ExperimentalWarning node_modules/mocha/bin/mocha.js'
  return {
    testRunner: 'command',
    commandRunner: { command: `${mocha} --no-config --bail ${UNIT_TESTS.join(' ')}` },
    mutate: MODULES,
    inPlace: true, // the workspace is a copy
    concurrency: 2,
    timeoutMS: 10_000,
    checkers: [],
    reporters: ['json', 'progress-append-only'],
    jsonReporter: { fileName: REPORT },
    allowConsoleColors: false,
    allowEmpty: false,
  }
}
