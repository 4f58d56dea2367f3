import { CELLS } from '../../lab/faults/cells.ts'
import { tryCell } from '../../lab/faults/run-cell.ts'
import { World } from '../../lab/faults/world.ts'
import { type OwnServers, startOwnServers } from '../support/own-server.ts'

/** The rest is for `npm run faults`. */
const QUICK = CELLS.filter(({ isSlow }) => !isSlow)

describe('what callers are told is true, nothing crosses tenants, and the pool recovers', () => {
  let owned: OwnServers

  before(async function () {
    this.timeout(120_000)
    owned = await startOwnServers()
  })

  after(() => owned.stop())

  for (const name of ['MariaDB', 'MySQL'] as const) {
    describe(`on ${name}`, () => {
      for (const cell of QUICK.filter(({ only = name }) => only === name)) {
        it(`given ${cell.fault}, ${cell.phase}`, async function () {
          const server = owned.servers.find((one) => one.name === name)
          if (!server) return this.skip() // said loudly at the start
          await tryCell(new World(server), cell)
        })
      }
    })
  }
})
