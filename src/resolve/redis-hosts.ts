import { checkFunction, invalid, isObject, rejectUnknownKeys, show } from '../base/option-checks.ts'

/** The Redis client that is needed: one of node-redis or of ioredis. The caller closes it. */
export interface RedisHostsClient {
  get(key: string): Promise<string | Buffer | null>
}

/** Options of {@link redisHosts}. */
export interface RedisHostsOptions {
  /** The text before the host name in the key. @defaultValue '' */
  readonly keyPrefix?: string
}

/**
 * A look-up for `hostLookup`: `GET <host>` returns the id of the tenant. If the key is missing or empty,
 * the host has no tenant.
 *
 * @example
 * resolve: hostLookup(redisHosts(await createClient().connect()))
 * @throws `ERR_OPTION_INVALID`. The look-up throws what the client throws
 */
export function redisHosts(
  client: RedisHostsClient,
  options: RedisHostsOptions = {},
): (host: string) => Promise<string | null> {
  checkFunction('client.get', (client as Partial<RedisHostsClient> | null | undefined)?.get)
  if (!isObject(options)) throw invalid('`redisHosts` takes its options as an object.')
  rejectUnknownKeys(options, ['keyPrefix'], '')
  const { keyPrefix = '' } = options
  if (typeof keyPrefix !== 'string') {
    throw invalid(`\`keyPrefix\` must be a string, got ${show(keyPrefix)}.`)
  }
  return async (host) => {
    const tenant = await client.get(keyPrefix + host)
    return (Buffer.isBuffer(tenant) ? tenant.toString() : tenant) || null
  }
}
