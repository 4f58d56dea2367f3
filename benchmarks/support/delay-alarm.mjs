// Sleeps until a time that the main thread sets, and then notifies it. It is a tenth of a millisecond late; a
// timer of Node would be a whole one late. It is plain JavaScript, because threads start without the loader
// for TypeScript.
import { parentPort, workerData } from 'node:worker_threads'

const [SLEEPING, SET] = [0, 1]
const state = new Int32Array(workerData.shared, 0, 1)
const neverNotified = new Int32Array(workerData.shared, 4, 1)
const due = new Float64Array(workerData.shared, 8, 1)

for (;;) {
  Atomics.wait(state, 0, SLEEPING)
  const left = due[0] - (performance.timeOrigin + performance.now())
  if (left > 0) Atomics.wait(neverNotified, 0, 0, left)
  Atomics.compareExchange(state, 0, SET, SLEEPING)
  parentPort.postMessage(undefined)
}
