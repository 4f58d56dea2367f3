import { findProgram, type Program } from './program.ts'
import type { Reaper } from './reaper.ts'
import type { ServerName } from './server-name.ts'
import { unpackedProgram } from './unpacked.ts'

/** A server's program on this machine: an installed one, or else one that can be unpacked. */
export async function localProgram(reaper: Reaper, name: ServerName): Promise<Program | undefined> {
  return findProgram(name) ?? (await unpackedProgram(reaper, name))
}
