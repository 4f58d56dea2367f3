import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import { settleAll } from './concurrency.ts'

const PAUSE_MILLIS = 25

/** A connection in the server's process list. */
interface Process {
  readonly Id: number
  readonly User: string
}

/**
 * Asks the server repeatedly, during some work, how many connections it has, and returns all answers. It
 * counts connections of this account that are newer than the admin's own. These are the library's, and
 * possibly those of other programs.
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
