import { randomBytes } from 'node:crypto'
import { TenantKnexError } from '../../base/errors.ts'
import type { KeyOwner } from '../key-space.ts'
import type { CacheStore, Computed, Entry, NewEntry, TenantStore } from '../tenant-store.ts'
import type { KeyValue, Texts } from './key-value.ts'

/**
 * Keeps entries outside this process. Each tenant has an epoch: a random token under a key of its own.
 * Each entry begins with the epoch that it was written with, and is read in that epoch only. So
 * `clear()` is one command: it sets a new token. If the store loses a token, a new one replaces it, so
 * cleared entries stay unreadable.
 *
 * A store that was set back, from a snapshot or by a replica that lags, has an old token again. So a
 * token contains a time that only grows. A token that is older than one seen here is refused.
 */
export class EpochStore implements CacheStore {
  readonly #keyValue: KeyValue
  readonly #cleared = new ClearedAt()

  constructor(keyValue: KeyValue) {
    this.#keyValue = keyValue
  }

  open(owner: KeyOwner): TenantStore {
    return new EpochTenantStore(this.#keyValue, owner, this.#cleared)
  }

  close(): Promise<void> {
    return this.#keyValue.close()
  }
}

/** How many owners are remembered for their last clear, beside the owners whose caches are in use. */
const MAX_CLEARED = 10_000

/** The times of the owners' last clears, as in their tokens. */
class ClearedAt {
  readonly #times = new Map<string, number>()

  get(prefix: string): number {
    return this.#times.get(prefix) ?? 0
  }

  set(prefix: string, time: number): void {
    this.#times.delete(prefix) // so that it becomes the newest in the map
    this.#times.set(prefix, time)
    const [oldest] = this.#times.keys()
    if (this.#times.size > MAX_CLEARED && oldest !== undefined) this.#times.delete(oldest)
  }
}

class EpochTenantStore implements TenantStore {
  readonly #keyValue: KeyValue
  readonly #owner: KeyOwner
  /** The last epoch that was seen. It is a guess, and saves a round trip if it is right. */
  #lastEpoch: string | undefined
  readonly #cleared: ClearedAt
  /** The time of the newest epoch seen so far. */
  #newest: number

  constructor(keyValue: KeyValue, owner: KeyOwner, cleared: ClearedAt) {
    this.#keyValue = keyValue
    this.#owner = owner
    this.#cleared = cleared
    this.#newest = cleared.get(owner.prefix)
  }

  async get(key: string): Promise<Entry | undefined> {
    const [epoch, text] = await this.#keyValue.getMany([this.#epochKey, this.#keyOf(key)])
    return entryOf(text, this.#see(epoch))
  }

  async getMany(keys: readonly string[]): Promise<(Entry | undefined)[]> {
    const { epoch, texts } = await this.#read(keys)
    return texts.map((text) => entryOf(text, epoch))
  }

  async begin(key: string): Promise<{ entry: Entry | undefined; epoch: string }> {
    const { epoch, texts } = await this.#read([key])
    return { entry: entryOf(texts[0], epoch), epoch: epoch ?? (await this.#newEpoch()) }
  }

  async set(entries: readonly NewEntry[], computed?: Computed): Promise<boolean[]> {
    const guess =
      (computed?.epoch as string | undefined) ?? this.#lastEpoch ?? (await this.#epoch())
    const present = await this.#presentThenWrite(entries, guess, computed)
    if (present === guess) return entries.map(() => computed?.isCurrent ?? true)
    // The entries were written with a past epoch, so they are never read. A computed value must not be
    // written again with the present epoch, because its data was read before the clear.
    if (computed !== undefined) return entries.map(() => false)
    await this.#write(entries, present ?? (await this.#newEpoch()))
    return entries.map(() => true)
  }

  async delete(keys: readonly string[]): Promise<boolean[]> {
    await this.#claim()
    const [entries] = await Promise.all([
      this.getMany(keys),
      this.#keyValue.delete(keys.map((key) => this.#keyOf(key))),
    ])
    return entries.map((entry) => entry !== undefined)
  }

  async clear(): Promise<void> {
    await this.#claim()
    const epoch = this.#token()
    await this.#keyValue.set(this.#epochKey, epoch)
    // Another call may have seen a newer epoch meanwhile.
    if (timeOf(epoch) < this.#newest) return
    this.#newest = timeOf(epoch)
    this.#cleared.set(this.#owner.prefix, this.#newest)
    this.#lastEpoch = epoch
  }

  async purge(): Promise<void> {
    await this.clear()
    for await (const keys of this.#keys()) await this.#keyValue.delete(keys)
    await this.#keyValue.delete([this.#epochKey])
  }

  async *scan(): AsyncGenerator<(Entry & { key: string })[]> {
    for await (const keys of this.#keys()) {
      const own = keys.map((key) => key.slice(this.#keyOf('').length))
      const entries = await this.getMany(own)
      yield own.flatMap((key, index) => {
        const entry = entries[index]
        return entry ? [{ key, ...entry }] : []
      })
    }
  }

  get #epochKey(): string {
    return `${this.#owner.prefix}e`
  }

  #keyOf(key: string): string {
    return `${this.#owner.prefix}k:${key}`
  }

  async *#keys(): AsyncGenerator<string[]> {
    const prefix = this.#keyOf('')
    for await (const keys of this.#keyValue.scan(prefix)) {
      const own = keys.filter((key) => key.startsWith(prefix))
      if (own.length > 0) yield own
    }
  }

  async #read(keys: readonly string[]): Promise<{ epoch: string | undefined; texts: Texts }> {
    const all = [this.#epochKey, ...keys.map((key) => this.#keyOf(key))]
    const [epoch, ...texts] = await this.#keyValue.getMany(all)
    return { epoch: this.#see(epoch), texts }
  }

  /** Notes the stored epoch and returns it, or undefined if it is none, or too old. */
  #see(stored: Texts[number]): string | undefined {
    if (stored === this.#lastEpoch) return stored
    const epoch = typeof stored === 'string' && EPOCH.test(stored) ? stored : undefined
    if (epoch !== undefined) this.#checkOwner(epoch)
    const isOld = epoch !== undefined && timeOf(epoch) < this.#newest
    this.#lastEpoch = isOld ? undefined : epoch
    if (this.#lastEpoch !== undefined) this.#newest = timeOf(this.#lastEpoch)
    return this.#lastEpoch
  }

  /** Checks, before anything is deleted, that the keys belong to this owner. */
  async #claim(): Promise<void> {
    if (this.#lastEpoch === undefined) await this.#read([])
  }

  async #epoch(): Promise<string> {
    return (await this.#read([])).epoch ?? (await this.#newEpoch())
  }

  /** Sets a new epoch. If several callers do so at a time, the first wins. Replaces an invalid epoch. */
  async #newEpoch(): Promise<string> {
    const token = this.#token()
    if (await this.#keyValue.setIfAbsent(this.#epochKey, token)) return token
    const { epoch } = await this.#read([])
    if (epoch !== undefined) return epoch
    await this.#keyValue.set(this.#epochKey, token)
    return token
  }

  /**
   * Writes, and returns the epoch from before the write. If the epoch were read after the write, and a
   * clear came between the two, `set` would write the cleared entries again.
   */
  async #presentThenWrite(
    entries: readonly NewEntry[],
    epoch: string,
    computed: Computed | undefined,
  ): Promise<string | undefined> {
    const reading = this.#read([])
    if (!this.#keyValue.isOrdered) await reading
    if (computed?.isCurrent === false) return undefined // a delete has overtaken it
    const [{ epoch: present }] = await Promise.all([reading, this.#write(entries, epoch)])
    return present
  }

  async #write(entries: readonly NewEntry[], epoch: string): Promise<void> {
    const writes = entries.map(({ key, text, expires, keepMillis }) =>
      this.#keyValue.set(this.#keyOf(key), `${epoch}|${expires}|${text}`, keepMillis),
    )
    await Promise.all(writes)
  }

  #token(): string {
    // Other processes compare the time, so it comes from the clock that all share. It only grows.
    const time = Math.max(Date.now(), this.#newest + 1).toString(36)
    return `${this.#owner.mark}.${time}.${randomBytes(9).toString('base64url')}`
  }

  #checkOwner(epoch: string): void {
    if (epoch.startsWith(`${this.#owner.mark}.`)) return
    const { tenant, prefix } = this.#owner
    throw new TenantKnexError(
      'ERR_CACHE_PREFIX_SHARED',
      `The caches of tenant ${JSON.stringify(tenant)} and of another tenant have the same keys, ` +
        `${JSON.stringify(prefix)}. The \`cache.prefix\` function must return a different prefix for each ` +
        'tenant.',
      { tenant },
    )
  }
}

/** An epoch is a mark, a time and a token. Any other text is not an epoch. */
const EPOCH = /^[\w/-]+\.([\da-z]{8,9})\.[\w-]{12}$/

function timeOf(epoch: string): number {
  return Number.parseInt(EPOCH.exec(epoch)?.[1] ?? '0', 36)
}

/** Reads `<epoch>|<expires>|<text>`. Any other text is not an entry. */
function entryOf(stored: Texts[number], epoch: string | undefined): Entry | undefined {
  if (typeof stored !== 'string' || epoch === undefined) return undefined
  if (!stored.startsWith(epoch) || stored[epoch.length] !== '|') return undefined
  const end = stored.indexOf('|', epoch.length + 1)
  const expires = Number(stored.slice(epoch.length + 1, end))
  return end > 0 && Number.isFinite(expires) ? { text: stored.slice(end + 1), expires } : undefined
}
