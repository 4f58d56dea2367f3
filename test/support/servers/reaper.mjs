// The process that cleans up: see reaper.ts. It reads orders, a line of JSON each. When its input
// ends, because it was told so or because whoever started it is dead, it kills and removes all that
// it knows of.
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

// It has to outlive those it cleans up after.
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM']) process.on(signal, () => {})

for await (const line of createInterface({ input: process.stdin })) {
  const [order, what] = JSON.parse(line)
  orders[order](what)
}
for (const group of groups) kill(group)
// A dying process may still write: removing is tried again for a while.
for (const folder of folders) {
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
}

function kill(group) {
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}
