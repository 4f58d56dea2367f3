import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SCRIPT = fileURLToPath(new URL('./reaper.mjs', import.meta.url))

type Order = ['kill' | 'spare', number] | ['remove' | 'keep', string]

/**
 * Starts processes and makes temporary folders, and ensures that none outlives this process.
 *
 * A process cannot clean up after its own SIGKILL, so a second process does. It holds the other end of a pipe
 * and acts when the pipe closes. So `end()`, a crash, `process.exit()` and every signal take the same path.
 * Processes are killed at once: their data is thrown away, and a clean shutdown would only take time.
 */
export class Reaper {
  readonly #process: ChildProcess = startReaper()
  readonly #children = new Set<ChildProcess>()
  readonly #uninterrupted = new Set<ChildProcess>()
  #isEnded = false

  /** True after `end()`. Then nothing can be started. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Starts a process in its own group, which a terminal's Ctrl-C does not reach. */
  spawn(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const child = this.#start(command, args, options)
    const group = child.pid
    if (group === undefined) return child
    this.#order(['kill', group])
    this.#children.add(child)
    child.once('exit', () => this.#forget(child, group))
    return child
  }

  /** Starts a process that must run to its end: `end()` waits for it. */
  spawnUninterrupted(
    command: string,
    args: readonly string[],
    options: SpawnOptions = {},
  ): ChildProcess {
    const child = this.#start(command, args, options)
    if (child.pid === undefined) return child
    this.#uninterrupted.add(child)
    child.once('exit', () => this.#uninterrupted.delete(child))
    return child
  }

  /** Makes a folder that is removed in the end, unless it is kept. */
  temporaryFolder(parent: string, prefix: string): string {
    this.#assertRunning()
    mkdirSync(parent, { recursive: true })
    const folder = mkdtempSync(join(parent, prefix))
    this.#order(['remove', folder])
    return folder
  }

  /** Removes a folder from the list. */
  keep(folder: string): void {
    this.#order(['keep', folder])
  }

  /** Kills all processes and removes all folders that are not kept. Settles when they are gone. */
  async end(): Promise<void> {
    this.#isEnded = true
    this.#process.stdin?.end()
    for (const child of this.#children) killGroup(child.pid as number)
    const processes = [this.#process, ...this.#children, ...this.#uninterrupted]
    await Promise.all(processes.map(untilExit))
  }

  #start(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    this.#assertRunning()
    return spawn(command, args, { ...options, detached: true })
  }

  #forget(child: ChildProcess, group: number): void {
    this.#children.delete(child)
    // Kills the remaining child processes of the process.
    killGroup(group)
    this.#order(['spare', group])
  }

  #order(order: Order): void {
    if (!this.#isEnded) this.#process.stdin?.write(`${JSON.stringify(order)}\n`)
  }

  #assertRunning(): void {
    if (this.#isEnded) throw new Error('stopped')
  }
}

function startReaper(): ChildProcess {
  const reaper = spawn(process.execPath, [SCRIPT], {
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  // The process and the pipe, a socket for Node, must not keep this process alive.
  const pipe = reaper.stdin as unknown as Socket
  reaper.unref()
  pipe.unref()
  // If another process kills it, `end()` still ends the processes.
  pipe.on('error', () => {})
  return reaper
}

async function untilExit(child: ChildProcess): Promise<void> {
  child.ref()
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // All are gone.
  }
}
