import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))
const START_MILLIS = 60_000

/** An example that runs as `npm run example` runs it, with names and a port of its own. */
export class ExampleProcess {
  /** What the names of its databases, and its keys in Redis, begin with. */
  readonly prefix: string
  readonly port: number
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>
  #output = ''

  private constructor(args: readonly string[], port: number, prefix: string) {
    this.port = port
    this.prefix = prefix
    this.#child = spawn(process.execPath, ['--import', 'tsx', 'examples/run.ts', ...args], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PORT: String(port), DATABASE_PREFIX: prefix },
    })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk) => {
        this.#output += chunk
      })
    }
    this.#closed = once(this.#child, 'close')
  }

  /** Starts one. It may be stopped at once. */
  static async begin(
    args: readonly string[],
    prefix = `tk_${randomBytes(4).toString('hex')}_`,
  ): Promise<ExampleProcess> {
    return new ExampleProcess(args, await freePort(), prefix)
  }

  /** What it has written so far, to standard output and to standard error. */
  get output(): string {
    return this.#output
  }

  /** Waits until it has written something. */
  async untilWritten(text: string): Promise<void> {
    const deadline = AbortSignal.timeout(START_MILLIS)
    while (!this.#output.includes(text)) {
      if (this.#child.exitCode !== null) throw new Error(`It has ended:\n${this.#output}`)
      const written = new AbortController()
      const signal = AbortSignal.any([deadline, written.signal])
      this.#child.stdout?.once('data', () => written.abort())
      this.#child.once('exit', () => written.abort())
      if (!signal.aborted) await once(signal, 'abort')
      if (deadline.aborted) throw new Error(`"${text}" was not written:\n${this.#output}`)
    }
  }

  /** Waits for its end, and gives its exit code. */
  async end(): Promise<number | null> {
    await this.#closed
    return this.#child.exitCode
  }

  /** Ctrl-C. */
  interrupt(): void {
    this.#child.kill('SIGINT')
  }
}

/** Below the ports that the system gives to outgoing connections, so that none takes it meanwhile. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(12_000, 22_000)
    const server = createServer().listen(port, '127.0.0.1')
    try {
      await once(server, 'listening')
      return port
    } catch {
      // In use: another one.
    } finally {
      server.close()
    }
  }
}
