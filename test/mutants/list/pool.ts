import type { Mutant } from '../mutant.ts'

const KEPT = ['test/isolation/kept-connections.test.ts']
const TRANSACTIONS = ['test/isolation/transactions.test.ts']
const SERVER_POOL = ['test/pool/server-pool.test.ts']
const SIDE = ['test/pool/side-connection.test.ts']

/** Who gets which connection, and in what state. */
export const POOL: readonly Mutant[] = [
  {
    name: 'release twice',
    harm: 'two tenants hold one connection',
    file: 'src/pool/server-pool.ts',
    search: '    this.#leases.delete(lease)\n',
    replace: '',
    tests: KEPT,
  },
  {
    name: 'leave the lease alive at release',
    harm: 'a kept connection is used for the next tenant’s data',
    file: 'src/pool/server-pool.ts',
    search: '    lease.revoke(reason)\n',
    replace: '    void reason\n',
    tests: KEPT,
  },
  {
    name: 'give back at once whatever it is in',
    harm: 'the next one is in an open transaction',
    file: 'src/pool/server-pool.ts',
    search: "(!gate.isUsable || gate.state.leftover() === 'nothing')",
    replace: "(!gate.isUsable || gate.state.leftover() !== 'autocommit off')",
    tests: TRANSACTIONS,
  },
  {
    name: 'take an unknown state for a clean one',
    harm: 'a transaction that an error hid stays open',
    file: 'src/pool/server-pool.ts',
    search: "(!gate.isUsable || gate.state.leftover() === 'nothing')",
    replace:
      "(!gate.isUsable || gate.state.leftover() === 'nothing' || gate.state.leftover() === 'unknown')",
    tests: TRANSACTIONS,
  },
  {
    name: 'find what was left and leave it',
    harm: 'the next one commits it',
    file: 'src/pool/server-pool.ts',
    search: "if (left !== 'nothing' || isThorough) await clean(gate, tenant, isThorough)",
    replace: 'if (isThorough) await clean(gate, tenant, isThorough)',
    tests: TRANSACTIONS,
  },
  {
    name: 'do not clean always where that is asked for',
    harm: 'FOUND_ROWS(), locks and variables stay for the same tenant’s next request',
    file: 'src/pool/server-pool.ts',
    search: "      this.#options.clean !== 'always' &&\n",
    replace: '',
    tests: ['test/isolation/leftovers.test.ts'],
  },
  {
    name: 'release while a statement runs',
    harm: 'the next one waits for it, or reads its rows',
    file: 'src/pool/server-pool.ts',
    search: '      !mayStillRun(gate) &&\n',
    replace: '',
    tests: ['test/knex/queries.test.ts', 'test/pool/server-pool.test.ts', 'test/faults.test.ts'],
  },
  {
    name: 'do not wait for a KILL on its way',
    harm: 'it ends the next tenant’s statement',
    file: 'src/pool/server-pool.ts',
    search: '    this.#cancels.set(gate, killed)\n',
    replace: '',
    tests: KEPT,
  },
  {
    name: 'leave the statement of a closed connection running',
    harm: 'it writes long after its caller was told; the server sees more connections than allowed',
    file: 'src/pool/server-pool.ts',
    search: 'const killed = this.#connector.kill(gate).catch(() => undefined)',
    replace: 'const killed = Promise.resolve()',
    tests: ['test/faults.test.ts', ...SERVER_POOL],
  },
  {
    name: 'kill statements without asking when the server was started',
    harm: 'after a restart a stranger’s statement is killed',
    file: 'src/connection/connect.ts',
    search: 'if (openedAt <= startedAt) return',
    replace: '',
    tests: ['test/connection/connect.test.ts'],
  },
  {
    name: 'leave a paused connection paused',
    harm: 'whoever gets it next waits for ever',
    file: 'src/pool/server-pool.ts',
    search: '    if (gate.connection._paused) gate.connection.resume()\n',
    replace: '',
    tests: KEPT,
  },
  {
    name: 'keep connections for ever',
    harm: 'after a failover they go on to the old server',
    file: 'src/pool/server-pool.ts',
    search: "if (isExpired) gate.dispose('lifetime')",
    replace:
      "if (isExpired && this.#destruction) gate.dispose('lifetime')\n    if (isExpired) return false",
    tests: SERVER_POOL,
  },
  {
    name: 'give back a connection that must not be used',
    harm: 'a statement is sent over a broken connection',
    file: 'src/pool/server-pool.ts',
    search: 'if (gate.isUsable && !this.#isExpired(gate)) this.#pool.release(gate)',
    replace: 'if (!this.#isExpired(gate)) this.#pool.release(gate)',
    tests: SERVER_POOL,
  },
  {
    name: 'do not ask idle connections whether they live',
    harm: 'a statement is lost with a dead connection, and nobody knows whether it ran',
    file: 'src/pool/server-pool.ts',
    search: 'return isTrusted(gate) || this.#probe(gate)',
    replace: 'return true',
    tests: SERVER_POOL,
  },
  {
    name: 'leave leases alive at destroy',
    harm: 'work goes on after destroy()',
    file: 'src/pool/server-pool.ts',
    search: '      this.release(lease, destroyedError(lease.tenant))\n',
    replace: '',
    tests: ['test/tenant-knex.test.ts', 'test/faults.test.ts', ...SERVER_POOL],
  },
  {
    name: 'tell everyone the answer to the first KILL',
    harm: 'a statement is taken for ended that runs',
    file: 'src/pool/side-connection.ts',
    search: 'settle(results[index] as',
    replace: 'settle(results[index - index] as',
    tests: SIDE,
    isQuick: true,
  },
  {
    name: 'open as many connections beside the pool as are asked for',
    harm: 'the server’s limit is passed',
    file: 'src/pool/side-connection.ts',
    search: 'const result = this.#last.then(fn)',
    replace: 'const result = fn()',
    tests: SIDE,
  },
]
