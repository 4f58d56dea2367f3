import { checkFunction } from '../../base/option-checks.ts'
import { type NodeMessage, nodeRequest } from '../../resolve/tenant-request.ts'
import type { RequestOptions } from '../http/request-tenants.ts'

/**
 * Fastify's `rewriteUrl` for a resolver that takes the tenant off the URL, as `pathSegment({ strip: true })`
 * does. Fastify routes before any plugin sees a request, and waits for nothing there: the resolver must
 * be synchronous for such requests. It is asked a second time by the plugin, for the URL as it was sent;
 * here `request.raw` is Node's request.
 *
 * @param options the same as those of the plugin
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
      // The plugin gets the same, and has a reply to say it with.
      return url
    }
  }
}
