import type { ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cachedFolder } from './cache-folder.ts'
import { type Program, versionNumber } from './program.ts'
import { freePort, untilReachable } from './reachable.ts'
import type { Reaper } from './reaper.ts'
import { RECIPES } from './recipes.ts'
import { lastLines, messageOf, run } from './run.ts'
import type { ServerName } from './server-name.ts'

const START_TIMEOUT_MILLIS = 60_000

/** A server with its own data. It can be restarted at the same address. */
export interface Throwaway {
  readonly url: string
  /** @throws Error with the end of the server's log if it does not start */
  start(settings?: readonly string[]): Promise<ChildProcess>
}

/**
 * Starts a server for one use, on a free port of the loopback interface, and returns its URL.
 *
 * @param more additional arguments
 * @throws Error with the end of the server's log if it does not start
 */
export async function startThrowaway(
  reaper: Reaper,
  name: ServerName,
  program: Program,
  more: readonly string[] = [],
): Promise<string> {
  const server = await prepareThrowaway(reaper, name, program)
  await server.start(more)
  return server.url
}

/** Creates a server's data and finds a port for it. */
export async function prepareThrowaway(
  reaper: Reaper,
  name: ServerName,
  program: Program,
): Promise<Throwaway> {
  const folder = reaper.temporaryFolder(tmpdir(), `tenant-knex-${name}-`)
  const log = join(folder, 'server.log')
  const data = await prepareData(reaper, name, program, join(folder, 'data'))
  const port = await freePort()
  const url = RECIPES[name].url(port)
  const start = async (settings: readonly string[] = []): Promise<ChildProcess> => {
    const args = [...program.args, ...RECIPES[name].serve(data, port), ...settings]
    try {
      const server = startLogged(reaper, { ...program, args }, folder, log)
      await untilReachable(url, START_TIMEOUT_MILLIS, diedSignal(server))
      return server
    } catch (error) {
      const what = `${program.command} did not come up: ${messageOf(error)}`
      throw new Error(`${what}\n${readLog(log)}`, { cause: error })
    }
  }
  return { url, start }
}

function startLogged(
  reaper: Reaper,
  { command, args, argv0 }: Program,
  folder: string,
  log: string,
): ChildProcess {
  const output = openSync(log, 'a')
  // At its start MariaDB removes all temporary tables in this folder, even those of other servers.
  const env = { ...process.env, TMPDIR: folder }
  const server = reaper.spawn(command, args, { argv0, env, stdio: ['ignore', output, output] })
  closeSync(output)
  server.unref()
  return server
}

function diedSignal(server: ChildProcess): AbortSignal {
  const died = new AbortController()
  server.once('error', (error) => died.abort(error))
  server.once('exit', (code, signal) => died.abort(new Error(`it ended with ${code ?? signal}`)))
  return died.signal
}

// A copy takes a fraction of a second; initialising takes seconds.
async function prepareData(
  reaper: Reaper,
  name: ServerName,
  program: Program,
  folder: string,
): Promise<string> {
  const { initialise } = RECIPES[name]
  if (initialise) {
    const template = await cachedFolder(reaper, templateName(name, program), (draft) =>
      initialise(reaper, program, draft),
    )
    await run(reaper, 'cp', ['-R', template, folder])
  } else {
    mkdirSync(folder)
  }
  return folder
}

function templateName(name: ServerName, program: Program): string {
  const key = [program.version, program.command, ...program.args].join('\n')
  const digest = createHash('sha256').update(key).digest('hex').slice(0, 8)
  return `${name}-${versionNumber(program.version)}-data-${digest}`
}

function readLog(log: string): string {
  try {
    return lastLines(readFileSync(log, 'utf8'))
  } catch {
    return ''
  }
}
