import { subscribe, unsubscribe } from 'node:diagnostics_channel'

/** A message with the last part of its channel's name. */
export type Heard = [channel: string, message: Record<string, unknown>]

/** The last parts of all channels' names. */
export const CHANNEL_NAMES = [
  'wait',
  'acquire',
  'switch',
  'hand-over',
  'release',
  'discard',
  'leftover',
  'refusal',
] as const

/** Runs a function and collects the messages of all channels in their order. */
export async function listening(fn: (heard: Heard[]) => Promise<void>): Promise<void> {
  const heard: Heard[] = []
  const listeners = CHANNEL_NAMES.map((name) => {
    const listener = (message: unknown) => heard.push([name, message as Heard[1]])
    return { channel: `tenant-knex:${name}`, listener }
  })
  for (const { channel, listener } of listeners) subscribe(channel, listener)
  try {
    await fn(heard)
  } finally {
    for (const { channel, listener } of listeners) unsubscribe(channel, listener)
  }
}
