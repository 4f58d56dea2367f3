import { readdirSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import type { Connection, RowDataPacket } from 'mysql2/promise'

/** Reads how much processor time a server has used so far, in microseconds. */
export type CpuMeter = () => number

/** A meter for the server's process; undefined if it runs on another machine or not on Linux. */
export async function serverCpu(admin: Connection): Promise<CpuMeter | undefined> {
  try {
    const meter = meterOf(await processId(admin))
    meter()
    return meter
  } catch {
    return undefined
  }
}

async function processId(admin: Connection): Promise<number> {
  const [rows] = await admin.query<RowDataPacket[]>(
    'SELECT @@hostname AS host, @@datadir AS folder, @@pid_file AS file',
  )
  const { host, folder, file } = rows[0] as RowDataPacket
  if (host !== hostname()) throw new Error('The server is elsewhere.')
  return Number(readFileSync(resolve(folder, file), 'utf8'))
}

/**
 * Adds up the kernel's times of all threads, which are exact to the nanosecond. The kernel's time of a
 * process is exact only to a hundredth of a second, which is a tenth of a turn. The time of threads that
 * ended since the last reading is lost, but threads of connections stay.
 */
function meterOf(pid: number): CpuMeter {
  const known = new Map<string, number>()
  let total = 0
  return () => {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const nanoseconds = timeOf(`/proc/${pid}/task/${thread}/schedstat`)
      total += Math.max(0, nanoseconds - (known.get(thread) ?? 0))
      known.set(thread, nanoseconds)
    }
    return total / 1_000
  }
}

function timeOf(file: string): number {
  try {
    return Number.parseInt(readFileSync(file, 'utf8'), 10)
  } catch {
    return 0 // it has just ended
  }
}
