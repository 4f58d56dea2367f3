import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Reaper } from '../../test/support/servers.ts'
import type { Example, Program } from './examples.ts'
import { ExampleError } from './failure.ts'
import { isListening } from './port.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const END_MILLIS = 10_000

/** The environment variables of an example. */
export interface Environment {
  readonly DATABASE_URL: string
  readonly DATABASE_PREFIX: string
  readonly PORT: string
  readonly REDIS_URL?: string
}

/** The servers and databases that the programs of an example use. */
export interface Stage {
  readonly environment: Environment
  readonly reaper: Reaper
  readonly stopped: AbortSignal
}

/**
 * Runs the programs of an example: a server until Ctrl-C, or scripts to their end, with their worker.
 *
 * @throws ExampleError if one fails
 */
export async function runPrograms(example: Example, stage: Stage): Promise<void> {
  const { server, worker, scripts = [] } = example
  if (server) await new Running(server, stage).during((running) => serve(running, example, stage))
  else if (worker) await new Running(worker, stage).during((it) => runBeside(it, scripts, stage))
  else await runScripts(scripts, stage)
}

async function serve(running: Running, { visit }: Example, stage: Stage): Promise<void> {
  const signal = AbortSignal.any([running.ended, stage.stopped])
  const isUp = await isListening(Number(stage.environment.PORT), signal)
  if (!isUp) return
  running.isUp = true
  console.log('\nIt runs. Open or try these, and end it by Ctrl-C:\n')
  for (const line of visit?.(stage.environment.PORT) ?? []) console.log(`  ${line}`)
  console.log()
  await aborted(signal)
}

async function runBeside(
  worker: Running,
  scripts: readonly Program[],
  stage: Stage,
): Promise<void> {
  // Without the worker the scripts would never end.
  const stopped = AbortSignal.any([worker.ended, stage.stopped])
  await runScripts(scripts, { ...stage, stopped })
  worker.isUp = !stopped.aborted
}

async function runScripts(scripts: readonly Program[], stage: Stage): Promise<void> {
  for (const script of scripts) {
    if (stage.stopped.aborted) return
    const variables = Object.entries(script.variables ?? {}).map((pair) => `${pair.join('=')} `)
    console.log(`\n$ ${variables.join('')}node examples/${script.file}`)
    await new Running(script, stage).during(({ ended }) =>
      aborted(AbortSignal.any([ended, stage.stopped])),
    )
  }
}

/** A program that has been started. */
class Running {
  /** True when it can end in good order. */
  isUp = false
  readonly #file: string
  readonly #child: ChildProcess
  readonly #exit: Promise<unknown>
  readonly #stopped: AbortSignal
  readonly #ended = new AbortController()

  constructor({ file, variables }: Program, { environment, reaper, stopped }: Stage) {
    this.#file = file
    this.#stopped = stopped
    this.#child = reaper.spawn(process.execPath, ['--import', 'tsx', `examples/${file}`], {
      cwd: ROOT, // tsx finds tsconfig.json here
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...environment, ...variables },
    })
    this.#exit = once(this.#child, 'exit')
    void this.#exit.then(() => this.#ended.abort())
  }

  get ended(): AbortSignal {
    return this.#ended.signal
  }

  /**
   * Runs a function while the program runs, and then ends the program. @throws ExampleError if the program
   * has failed
   */
  async during(work: (running: this) => Promise<void>): Promise<void> {
    try {
      await work(this)
    } finally {
      await this.#end()
    }
    const { exitCode, signalCode } = this.#child
    const isInterrupted = signalCode === 'SIGTERM' && this.#stopped.aborted
    if (exitCode === 0 || (isInterrupted && !this.isUp)) return
    throw new ExampleError(`${this.#file} ended with ${exitCode ?? signalCode}.`)
  }

  /** Ends the program as process managers do: SIGTERM first, SIGKILL if it continues. */
  async #end(): Promise<void> {
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), END_MILLIS)
    await this.#exit
    clearTimeout(timer)
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}
