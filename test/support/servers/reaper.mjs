// The process that cleans up: see reaper.ts. It reads orders, one line of JSON each. Its input ends on
// request, or when its parent is dead. Then it kills all processes and removes all folders that it knows.
import { rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'

const groups = new Set()
const folders = new Set()

const orders = {
  kill: (group) => groups.add(group),
  spare: (group) => groups.delete(group),
  remove: (folder) => folders.add(folder),
  keep: (folder) => folders.delete(folder),
}

// It has to outlive the processes that it cleans up.
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM']) process.on(signal, () => {})

for await (const line of createInterface({ input: process.stdin })) {
  const [order, what] = JSON.parse(line)
  orders[order](what)
}
for (const group of groups) kill(group)
// A dying process may still write, so removing is retried for a while.
for (const folder of folders) {
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
}

function kill(group) {
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // It is already gone.
  }
}
