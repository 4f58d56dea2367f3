import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { findNode, type NodeBinary } from '../../../compatibility/versions/node-binary.ts'
import { cachedFolder } from '../../support/servers/cache-folder.ts'
import { run } from '../../support/servers/run.ts'
import type { Reaper } from '../../support/servers.ts'
import { UNIT_TESTS } from '../test-files.ts'
import { Workspace } from '../workspace.ts'
import { MODULES } from './modules.ts'

/** Not a dependency of the project: 60 MB for one command. */
const STRYKER = '@stryker-mutator/core'
const VERSION = '10.1.1'
const LOWEST_NODE = 22

const REPORT = 'mutation.json'

/** Stryker's own report: https://github.com/stryker-mutator/mutation-testing-elements */
export interface StrykerReport {
  readonly files: Readonly<Record<string, { source: string; mutants: readonly StrykerMutant[] }>>
}

/** One mutant that Stryker made. */
export interface StrykerMutant {
  readonly mutatorName: string
  readonly replacement: string
  /** `Killed`, `Timeout`, `Survived`, `NoCoverage`, `RuntimeError`, `CompileError`, `Ignored`. */
  readonly status: string
  /** Lines are counted from 1. */
  readonly location: { readonly start: { readonly line: number } }
}

/**
 * Lets Stryker make every mutant it knows of the modules, and run their tests on each.
 *
 * @throws Error where it could not
 */
export async function runStryker(reaper: Reaper): Promise<StrykerReport> {
  const node = await nodeFor(reaper)
  const stryker = await installed(reaper)
  // Without a tsconfig.json, which Stryker would want TypeScript for.
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

/** Node 22 and later strip types by themselves, which makes each of the many runs short. */
async function nodeFor(reaper: Reaper): Promise<NodeBinary> {
  const version = process.versions.node
  const isEnough = Number.parseInt(version, 10) >= LOWEST_NODE
  return isEnough ? { version, path: process.execPath } : findNode(reaper, `${LOWEST_NODE}`)
}

async function installed(reaper: Reaper): Promise<string> {
  const folder = await cachedFolder(reaper, `stryker-${VERSION}`, async (draft) => {
    console.error(`mutants: installing Stryker ${VERSION} from npm in the cache folder`)
    const options = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund']
    await run(reaper, 'npm', ['install', '--prefix', draft, ...options, `${STRYKER}@${VERSION}`])
  })
  return join(folder, 'node_modules', STRYKER, 'bin', 'stryker.js')
}

function configuration(): object {
  const mocha = 'node --disable-warning=ExperimentalWarning node_modules/mocha/bin/mocha.js'
  return {
    testRunner: 'command',
    commandRunner: { command: `${mocha} --no-config --bail ${UNIT_TESTS.join(' ')}` },
    mutate: MODULES,
    inPlace: true, // it is a copy
    concurrency: 2,
    timeoutMS: 10_000,
    checkers: [],
    reporters: ['json', 'progress-append-only'],
    jsonReporter: { fileName: REPORT },
    allowConsoleColors: false,
    allowEmpty: false,
  }
}
