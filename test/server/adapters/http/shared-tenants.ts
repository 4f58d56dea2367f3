import { type TestServer, type TestTenants, withTenants } from '../../../support/tenants.ts'

/** Makes tenants for all tests of the surrounding `describe`, and removes them after the last one. */
export function sharedTenants(
  server: TestServer,
  tenants: readonly string[],
): Pick<TestTenants, 'databaseOf' | 'admin'> {
  let context: TestTenants | undefined
  let end: () => void
  let running: Promise<void>

  before(async () => {
    const ended = new Promise<void>((done) => {
      end = done
    })
    await new Promise<void>((ready, fail) => {
      running = withTenants(server, { tenants }, async (it) => {
        context = it
        ready()
        await ended
      })
      running.catch(fail)
    })
  })
  after(async () => {
    end()
    await running
  })
  const ready = (): TestTenants => {
    if (!context) throw new Error('The tenants are there while tests run.')
    return context
  }
  return {
    databaseOf: (id) => ready().databaseOf(id),
    get admin() {
      return ready().admin
    },
  }
}
