export { claim } from './claim.ts'
export { cookie } from './cookie.ts'
export { type DomainOptions, domain } from './domain.ts'
export { firstOf } from './first-of.ts'
export { environmentTenant, fixed } from './fixed.ts'
export { header } from './header.ts'
export { type HostLookupOptions, type HostLookupResolver, hostLookup } from './host-lookup.ts'
export { type PathSegmentOptions, pathSegment } from './path-segment.ts'
export { type RedisHostsClient, type RedisHostsOptions, redisHosts } from './redis-hosts.ts'
export { type SubdomainOptions, subdomain } from './subdomain.ts'
export {
  type FetchRequest,
  fetchRequest,
  type NodeMessage,
  nodeRequest,
  type Resolution,
  type Resolver,
  type TenantRequest,
} from './tenant-request.ts'
