import type { Environment } from './programs.ts'

/** A program of an example. */
export interface Program {
  /** Its path in `examples/`. */
  readonly file: string
  /** Environment variables of its own. */
  readonly variables?: Readonly<Record<string, string>>
}

/** An example that can be started. */
export interface Example {
  /** A description in one line. */
  readonly shows: string
  /** A program that listens at `PORT` until SIGTERM. */
  readonly server?: Program
  /** How to try the server, one line for each step. */
  readonly visit?: (port: Environment['PORT']) => readonly string[]
  /** A program that runs beside the scripts, until SIGTERM. */
  readonly worker?: Program
  /** The programs to run one after the other, if there is no server. */
  readonly scripts?: readonly Program[]
  readonly needsRedis?: boolean
}

/** All examples, by name. */
export const EXAMPLES: ReadonlyMap<string, Example> = new Map<string, Example>([
  [
    'koa',
    {
      shows: 'Koa: a page for the browser, with caches in Redis',
      server: { file: 'koa/app.ts' },
      visit: pages,
      needsRedis: true,
    },
  ],
  [
    'hapi',
    {
      shows: 'Hapi: the same page, with a central table of tenants',
      server: { file: 'hapi/app.ts' },
      visit: pages,
    },
  ],
  [
    'express',
    {
      shows: 'Express: the tenant by sub-domain or header, and a health check without a tenant',
      server: { file: 'express/app.ts' },
      visit: (port) => [
        ...notes(port),
        `curl -H 'x-tenant: acme' http://localhost:${port}/notes`,
        `curl http://localhost:${port}/health`,
      ],
    },
  ],
  [
    'fastify',
    {
      shows: 'Fastify: the tenant by the path, /acme/notes',
      server: { file: 'fastify/app.ts' },
      visit: (port) => [
        `http://localhost:${port}/acme/notes`,
        `http://localhost:${port}/globex/notes/count`,
        post(`http://localhost:${port}/acme/notes`),
        `curl http://localhost:${port}/health`,
      ],
    },
  ],
  [
    'nestjs',
    {
      shows: 'NestJS: the ambient Knex is injected, and no provider is request-scoped',
      server: {
        file: 'nestjs/main.ts',
        variables: { TSX_TSCONFIG_PATH: 'examples/nestjs/tsconfig.json' }, // it uses decorators
      },
      visit: (port) => [...notes(port), `curl http://localhost:${port}/health`],
    },
  ],
  [
    'hono',
    {
      shows: 'Hono, which has no adapter: a middleware of ten lines',
      server: { file: 'hono/app.ts' },
      visit: (port) => [...notes(port), `curl http://localhost:${port}/health`],
    },
  ],
  [
    'graphql',
    {
      shows: "GraphQL on Node's own server: loaders that are made in the tenant's scope",
      server: { file: 'graphql/server.ts' },
      visit: (port) => [
        post(`http://acme.localhost:${port}/`, '{"query":"{ notes { text author { name } } }"}'),
      ],
    },
  ],
  [
    'websocket',
    {
      shows: "WebSockets: each message is handled in its tenant's scope",
      server: { file: 'websocket/server.ts' },
      visit: (port) => pages(port).slice(0, 2),
    },
  ],
  [
    'bullmq',
    {
      shows: 'BullMQ: jobs that carry their tenant, also when they are retried',
      worker: { file: 'bullmq/worker.ts' },
      scripts: [{ file: 'bullmq/producer.ts' }],
      needsRedis: true,
    },
  ],
  [
    'script',
    {
      shows: 'Scripts: for the tenant of the environment variable TENANT, and for all tenants',
      scripts: [
        { file: 'script/report.ts', variables: { TENANT: 'acme' } },
        { file: 'script/report.ts', variables: { TENANT: 'globex' } },
        { file: 'script/all-tenants.ts' },
      ],
    },
  ],
])

function pages(port: string): string[] {
  return ['acme', 'globex', 'nobody'].map((id) => `http://${id}.localhost:${port}/`)
}

function notes(port: string): string[] {
  return [
    `http://acme.localhost:${port}/notes`,
    `http://globex.localhost:${port}/notes/count`,
    post(`http://acme.localhost:${port}/notes`),
  ]
}

function post(url: string, body = '{"text":"Hello"}'): string {
  return `curl -H 'content-type: application/json' -d '${body}' ${url}`
}
