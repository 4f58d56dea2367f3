/** What a resolver sees of a request. */
export interface TenantRequest {
  /** Path and query as sent, beginning with `/`. */
  readonly url: string
  /**
   * All values of a header, in order, one for each time that it was sent; none where it was not. The
   * name is in lower case. For `host`, what the target of the request says (`:authority` of HTTP/2, an
   * absolute URL) counts as one more value where it differs.
   */
  header(name: string): readonly string[]
  /** The framework's own request: Koa's context, Hapi's, Express's or Fastify's request, a Fetch `Request`. */
  readonly raw: unknown
}

/**
 * The tenant that a request is for: its id; or with `url` also what the router is to see in place of
 * the request's own; null or undefined where the request names none.
 */
export type Resolution =
  | string
  | { readonly tenant: string; readonly url: string }
  | null
  | undefined

/**
 * Says which tenant a request is for. Any function of this kind will do; what it throws, the framework
 * gets. A result of another type fails with `ERR_OPTION_INVALID`, which the framework answers with 500. Those of `tenant-knex/resolve` return no promise where they need not wait.
 */
export type Resolver = (request: TenantRequest) => Resolution | Promise<Resolution>

/** What is needed of Node's `IncomingMessage`, or its like of HTTP/2. */
export interface NodeMessage {
  readonly url?: string | undefined
  readonly headers: { readonly [name: string]: string | string[] | undefined }
  /** Names and values in turn. Requests that a framework makes up for tests may have none. */
  readonly rawHeaders?: readonly string[]
  readonly httpVersionMajor?: number
}

/** What is needed of a Fetch `Request`. */
export interface FetchRequest {
  readonly url: string
  readonly headers: { get(name: string): string | null }
}

/** A request's target with its origin before the path: `http://acme.example.com/orders`. */
const ABSOLUTE = /^[a-z][a-z\d+.-]*:\/\/([^/?#]*)([^#]*)/i

/**
 * A request of Node's `http`, `https` or `http2`.
 *
 * @param raw what resolvers get as the framework's own request
 */
export function nodeRequest(message: NodeMessage, raw: unknown = message): TenantRequest {
  return new NodeRequest(message, raw)
}

/**
 * A Fetch `Request`, as Hono and others have it. It joins the values of a header by commas.
 *
 * @param raw what resolvers get as the framework's own request
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

/** `headers` would not do: there Node has only the first `host` of several. */
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

/** `OPTIONS *` and an origin alone have no path. */
function fromSlash(path: string): string {
  return path.startsWith('/') ? path : `/${path}`
}
