import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import { settleAll } from './concurrency.ts'

const PAUSE_MILLIS = 25

/** A connection, as the server sees it. */
interface Process {
  readonly Id: number
  readonly User: string
}

/**
 * Asks the server again and again, while some work is done, how many connections it has; gives all
 * answers. It counts those of this account that are younger than the admin's own: the library's,
 * and strangers' at worst.
 */
export async function watchConnections(
  admin: Knex,
  work: () => Promise<unknown>,
): Promise<number[]> {
  const [[self]] = await admin.raw(
    "SELECT CONNECTION_ID() AS Id, SUBSTRING_INDEX(USER(), '@', 1) AS User",
  )
  const counts: number[] = []
  let isDone = false
  const watch = async (): Promise<void> => {
    while (!isDone) {
      counts.push(await countYounger(admin, self))
      await sleep(PAUSE_MILLIS)
    }
  }
  const working = work().finally(() => {
    isDone = true
  })
  await settleAll([working, watch()])
  return counts
}

async function countYounger(admin: Knex, self: Process): Promise<number> {
  const [processes] = await admin.raw('SHOW PROCESSLIST')
  return processes.filter(({ Id, User }: Process) => Id > self.Id && User === self.User).length
}
