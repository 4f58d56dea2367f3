import { spawn } from 'node:child_process'
import { once } from 'node:events'

// Longer than any command takes. A consumer that does not end by itself has failed.
const TIMEOUT_MILLIS = 300_000

let running
let isInterrupted = false

/** Runs a command and returns its output. If it fails, throws an error with the output. */
export async function run(command, args, { cwd, env = {}, timeout = TIMEOUT_MILLIS }) {
  if (isInterrupted) throw new Error('interrupted')
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout,
  })
  running = child
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text
    })
  }
  const [code, signal] = await once(child, 'close')
  running = undefined
  if (code === 0) return output
  throw new Error(`${command} ${args.join(' ')}: ended with ${code ?? signal}\n${output}`)
}

/** Makes running commands fail and starts no more, so that the script ends and cleans up. */
export function interrupt(signal) {
  isInterrupted = true
  running?.kill(signal)
}
