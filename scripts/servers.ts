import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { watchParent } from '../test/support/servers/watch-parent.ts'
import {
  Reaper,
  SERVER_NAMES,
  type ServerName,
  startServers,
  urlVariable,
  urlVariables,
} from '../test/support/servers.ts'

const USAGE = `usage: npm run servers -- [--with LIST | --only LIST] COMMAND [ARGUMENT...]

Runs COMMAND with ${SERVER_NAMES.map(urlVariable).join(', ')} set.
Starts MariaDB and MySQL; also those in LIST (--with redis), or those alone (--only mariadb,redis).`

const DEFAULT_NEED: readonly ServerName[] = ['mariadb', 'mysql']

interface Invocation {
  readonly need: readonly ServerName[]
  readonly command: string
  readonly args: readonly string[]
}

const reaper = new Reaper()
// True if Ctrl-C reaches the command by itself. Otherwise the command gets its own process group.
const isInteractive = process.stdin.isTTY === true
let running: ChildProcess | undefined
let interruption: NodeJS.Signals | undefined

for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal)
watchParent(() => onSignal('SIGHUP'))
process.exit(await main())

async function main(): Promise<number> {
  const invocation = parse(process.argv.slice(2))
  if (!invocation) {
    console.error(USAGE)
    await reaper.end()
    return 2
  }
  try {
    return await runWithServers(invocation)
  } catch (error) {
    if (interruption) return signalCode(interruption)
    console.error(`servers: ${error instanceof Error ? error.message : error}`)
    return 1
  } finally {
    await reaper.end()
  }
}

function parse(args: readonly string[]): Invocation | undefined {
  const [first, second = '', ...rest] = args
  if (first === undefined) return undefined
  if (first !== '--with' && first !== '--only') {
    return { need: DEFAULT_NEED, command: first, args: args.slice(1) }
  }
  const listed = SERVER_NAMES.filter((name) => second.split(',').includes(name))
  const [command, ...commandArgs] = rest
  if (listed.length !== second.split(',').length || command === undefined) return undefined
  const need = first === '--only' ? listed : [...new Set([...DEFAULT_NEED, ...listed])]
  return { need, command, args: commandArgs }
}

async function runWithServers({ need, command, args }: Invocation): Promise<number> {
  const servers = await startServers({ need, reaper })
  try {
    return await runCommand(command, args, { ...process.env, ...urlVariables(servers) })
  } finally {
    running = undefined
    await servers.stop()
  }
}

async function runCommand(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const options = { stdio: 'inherit', env } as const
  const start = isInteractive ? spawn : reaper.spawn.bind(reaper)
  running = start(command, args, options)
  const [code, signal] = (await once(running, 'exit')) as [number | null, NodeJS.Signals | null]
  return code ?? signalCode(signal)
}

function onSignal(signal: NodeJS.Signals): void {
  if (running) {
    passOn(running, signal)
  } else {
    interruption = signal
    void reaper.end().then(() => process.exit(signalCode(signal)))
  }
}

function passOn(command: ChildProcess, signal: NodeJS.Signals): void {
  if (!isInteractive) process.kill(-(command.pid as number), signal)
  else if (signal !== 'SIGINT') command.kill(signal)
  // The terminal has sent the signal to the command already. If it came from elsewhere, pass it on later.
  else setTimeout(() => command.kill(signal), 2_000).unref()
}

// The exit code that a shell gives to a process that a signal ended.
function signalCode(signal: NodeJS.Signals | null): number {
  return 128 + (signal === null ? 0 : constants.signals[signal])
}
