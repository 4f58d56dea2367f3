import { spawn } from 'node:child_process'
import { once } from 'node:events'

// Longer than any command here takes: a consumer that does not end by itself is a failure.
const TIMEOUT_MILLIS = 300_000

let running
let isInterrupted = false

/** Runs a command and gives what it wrote; throws with all of that when it fails. */
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

/** Lets what is under way fail and nothing else begin, so that the end of the script cleans up. */
export function interrupt(signal) {
  isInterrupted = true
  running?.kill(signal)
}
