import { checkFunction } from '../../base/option-checks.ts'
import { type NodeMessage, nodeRequest } from '../../resolve/tenant-request.ts'
import type { RequestOptions } from '../http/request-tenants.ts'

/**
 * Fastify's `rewriteUrl` for a resolver that removes the tenant from the URL, such as
 * `pathSegment({ strip: true })`. Fastify routes before a plugin gets the request, and does not wait
 * there. So the resolver must be synchronous for such requests. Here it gets Node's request as
 * `request.raw`. The plugin calls it a second time, with the URL as it was sent.
 *
 * @param options the same options as for the plugin
 * @example
 * const options = { tenantKnex, resolve: pathSegment({ strip: true }) }
 * const app = fastify({ rewriteUrl: rewriteTenantUrl(options) })
 * await app.register(tenantPlugin, options)
 * @throws `ERR_OPTION_INVALID`
 */
export function rewriteTenantUrl(options: RequestOptions): (message: NodeMessage) => string {
  const resolve = checkFunction('resolve', options?.resolve)
  const skip = checkFunction('skip', options.skip ?? (() => false))
  return (message) => {
    const { url = '/' } = message
    try {
      const request = nodeRequest(message)
      const resolution = skip(request) ? null : resolve(request)
      if (resolution instanceof Promise) resolution.catch(() => undefined)
      return (resolution as { url?: string } | null | undefined)?.url ?? url
    } catch {
      // The plugin gets the same error, and can answer with it.
      return url
    }
  }
}
