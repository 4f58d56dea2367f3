/** A request, as a resolver gets it. */
export interface TenantRequest {
  /** Path and query as sent, beginning with `/`. */
  readonly url: string
  /**
   * All values of a header, in order: one for each time that the header was sent. Pass the name in lower
   * case. The target of a request may name a host, too: `:authority` in HTTP/2, or an absolute URL. If it
   * differs from the header `host`, it is one more value of `host`.
   */
  header(name: string): readonly string[]
  /** The framework's own request: Koa's context, Hapi's, Express's or Fastify's request, a Fetch `Request`. */
  readonly raw: unknown
}

/**
 * The tenant that a request is for:
 *
 * - the tenant's id,
 * - the id and a `url`, if the router is to get this URL in place of the request's own,
 * - null or undefined, if the request names no tenant.
 */
export type Resolution =
  | string
  | { readonly tenant: string; readonly url: string }
  | null
  | undefined

/**
 * Says which tenant a request is for. You can write your own. The framework gets the errors that it
 * throws. A result of another type fails with `ERR_OPTION_INVALID`, which the framework answers with 500.
 * The resolvers of `tenant-knex/resolve` return a promise only if they have to wait.
 */
export type Resolver = (request: TenantRequest) => Resolution | Promise<Resolution>

/** The properties that are read of Node's `IncomingMessage`, or of an HTTP/2 request. */
export interface NodeMessage {
  readonly url?: string | undefined
  readonly headers: { readonly [name: string]: string | string[] | undefined }
  /** Names and values in turn. A request that a framework creates for tests may have none. */
  readonly rawHeaders?: readonly string[]
  readonly httpVersionMajor?: number
}

/** The properties that are read of a Fetch `Request`. */
export interface FetchRequest {
  readonly url: string
  readonly headers: { get(name: string): string | null }
}

/** A request's target with an origin before the path: `http://acme.example.com/orders`. */
const ABSOLUTE = /^[a-z][a-z\d+.-]*:\/\/([^/?#]*)([^#]*)/i

/**
 * Makes a `TenantRequest` of a request of Node's `http`, `https` or `http2`.
 *
 * @param raw the framework's own request, which resolvers get as `raw`
 */
export function nodeRequest(message: NodeMessage, raw: unknown = message): TenantRequest {
  return new NodeRequest(message, raw)
}

/**
 * Makes a `TenantRequest` of a Fetch `Request`, as used by Hono and others. In a Fetch `Request` the
 * values of a header are joined by commas.
 *
 * @param raw the framework's own request, which resolvers get as `raw`
 */
export function fetchRequest(request: FetchRequest, raw: unknown = request): TenantRequest {
  const [, authority = '', path = ''] = ABSOLUTE.exec(request.url) ?? []
  return {
    url: fromSlash(path),
    header: (name) => {
      const value = request.headers.get(name) ?? (name === 'host' ? authority : '')
      return value === '' ? [] : [value]
    },
    raw,
  }
}

class NodeRequest implements TenantRequest {
  readonly url: string
  readonly raw: unknown
  readonly #message: NodeMessage
  readonly #authority: string | undefined

  constructor(message: NodeMessage, raw: unknown) {
    const { url = '/' } = message
    const [, authority, path = ''] = url.startsWith('/') ? [] : (ABSOLUTE.exec(url) ?? [])
    this.url = url.startsWith('/') ? url : fromSlash(path)
    this.raw = raw
    this.#message = message
    this.#authority = authority
  }

  header(name: string): readonly string[] {
    const values = sentValues(this.#message, name)
    if (name !== 'host') return values
    const authority = this.#authority ?? http2Authority(this.#message)
    if (authority === undefined) return values
    return [authority, ...values.filter((value) => value !== authority)]
  }
}

/** Reads `rawHeaders`, because in `headers` Node has only the first of several `host` headers. */
function sentValues({ headers, rawHeaders }: NodeMessage, name: string): string[] {
  if (rawHeaders === undefined) return [headers[name] ?? []].flat()
  const values: string[] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const sent = rawHeaders[at] as string
    if (sent.length !== name.length || sent.toLowerCase() !== name) continue
    values.push(rawHeaders[at + 1] as string)
  }
  return values
}

function http2Authority(message: NodeMessage): string | undefined {
  const { httpVersionMajor = 1 } = message
  return httpVersionMajor < 2 ? undefined : sentValues(message, ':authority')[0]
}

/** `OPTIONS *`, and an absolute URL without a path, get the path `/`. */
function fromSlash(path: string): string {
  return path.startsWith('/') ? path : `/${path}`
}
