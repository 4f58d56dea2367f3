/*
 * Serves the same small response three times, each on its own port:
 *
 * - by the bare framework
 * - by the framework with each request in the scope of an AsyncLocalStorage, and nothing else
 * - with the adapter, which finds the tenant in the host name through a cached look-up
 *
 * It sends its ports to the process that has forked it. It sends no statement.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import Hapi from '@hapi/hapi'
import express from 'express'
import express4 from 'express4'
import fastify from 'fastify'
import Koa from 'koa'

/* The built package, because a loader that compiles at load would slow down every function of a request. */
const load = async <Module>(path: string): Promise<Module> =>
  import(new URL(`../../dist/esm/${path}.js`, import.meta.url).href)
const { createTenantKnex } = await load<typeof import('../../src/index.ts')>('index')
const { hostLookup } = await load<typeof import('../../src/resolve/index.ts')>('resolve/index')
const { tenantMiddleware: forKoa } =
  await load<typeof import('../../src/adapters/koa.ts')>('adapters/koa')
const { tenantMiddleware: forExpress } =
  await load<typeof import('../../src/adapters/express.ts')>('adapters/express')
const { tenantPlugin: forHapi } =
  await load<typeof import('../../src/adapters/hapi.ts')>('adapters/hapi')
const { tenantPlugin: forFastify } =
  await load<typeof import('../../src/adapters/fastify.ts')>('adapters/fastify')

/** The tenant in the response if there is no adapter. */
const NOBODY = 'tenant-0'

const tenantKnex = createTenantKnex({ connection: {} })
const resolve = hostLookup(async (host) => host.slice(0, host.indexOf('.')))
const storage = new AsyncLocalStorage<string>()

/** The code that runs before the handler. */
type Kind = 'bare' | 'in a scope' | 'with the adapter'

const frameworks: Record<string, (kind: Kind) => Promise<number>> = {
  koa(kind) {
    const app = new Koa()
    if (kind === 'in a scope') app.use((_ctx, next) => storage.run(NOBODY, next))
    if (kind === 'with the adapter') app.use(forKoa(tenantKnex, { resolve }))
    app.use((ctx) => {
      ctx.body = { tenant: ctx.state.tenant?.id ?? NOBODY }
    })
    return listen(app.callback())
  },
  'express 4': (kind) => listen(expressApp(express4 as never, kind)),
  'express 5': (kind) => listen(expressApp(express, kind)),
  async hapi(kind) {
    const server = Hapi.server({ host: '127.0.0.1', port: 0 })
    if (kind === 'in a scope') {
      server.ext('onRequest', (_request, h) => {
        storage.enterWith(NOBODY)
        return h.continue
      })
    }
    if (kind === 'with the adapter') {
      await server.register({ plugin: forHapi, options: { tenantKnex, resolve } })
    }
    const handler = (request: Hapi.Request) => ({ tenant: request.tenant?.id ?? NOBODY })
    server.route({ method: 'GET', path: '/', handler })
    await server.start()
    return server.info.port as number
  },
  async fastify(kind) {
    const app = fastify()
    if (kind === 'in a scope') {
      app.addHook('onRequest', (_request, _reply, done) => storage.run(NOBODY, done))
    }
    if (kind === 'with the adapter') await app.register(forFastify, { tenantKnex, resolve })
    app.get('/', async (request) => ({ tenant: request.tenant?.id ?? NOBODY }))
    await app.listen({ host: '127.0.0.1', port: 0 })
    return (app.server.address() as AddressInfo).port
  },
}

function expressApp(create: typeof express, kind: Kind): RequestListener {
  const app = create()
  if (kind === 'in a scope') app.use((_req, _res, next) => storage.run(NOBODY, next))
  if (kind === 'with the adapter') app.use(forExpress(tenantKnex, { resolve }))
  app.get('/', (req, res) => {
    res.json({ tenant: req.tenant?.id ?? NOBODY })
  })
  return app
}

function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener)
  return new Promise((done) => {
    server.listen(0, '127.0.0.1', () => done((server.address() as AddressInfo).port))
  })
}

const serve = frameworks[process.argv[2] as string]
if (serve === undefined) throw new Error('No such framework.')
process.on('disconnect', () => process.exit())
const ports: [Kind, number][] = []
for (const kind of ['with the adapter', 'in a scope', 'bare'] as const) {
  ports.push([kind, await serve(kind)])
}
process.send?.(ports)
process.on('message', () => process.send?.(process.cpuUsage()))
