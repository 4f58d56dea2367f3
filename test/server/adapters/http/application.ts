import type { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline, Readable, Transform } from 'node:stream'
import type { RequestOptions } from '../../../../src/adapters/http/request-tenants.ts'
import {
  type BoundKnex,
  createTenantKnex,
  type Tenant,
  type TenantKnex,
} from '../../../../src/index.ts'
import type { Item } from '../../../support/tenants.ts'

/** A framework under test, with the adapter for it. */
export interface Framework {
  readonly name: string
  /** True if the framework has a hook that runs after a response. The application notes `hook` there. */
  readonly hasAfterHook: boolean
  /** True if no listener runs in the scope in which the server was started. */
  readonly startsInNoScope?: boolean
  /** True if the framework does not support `notFound: 'continued'`. */
  readonly cannotGoOn?: boolean
  /**
   * Starts an application on a free port of the loopback interface:
   *
   * - `app.watch(server)` for the server itself, and as early in the framework as there is a place
   *   before the adapter, `app.note('earlier', req)`. It may answer a request for `/plain` there;
   * - the adapter of another tenantKnex, if there is an `app.other`;
   * - the adapter, with the options, and with an `onNotFound` if `notFound` says so;
   * - an error handler that answers with `app.failure(error, req)`, and notes `error` for every error;
   * - routes that do what the methods of `Application` of the same name do: GET `/rows`, `/ambient`,
   *   `/elsewhere`, `/transaction`, `/stream`, `/endless`, `/broken-stream`, `/cursor`, `/throw`, `/slow`, `/after`, `/health`,
   *   POST `/upload`.
   *
   * @throws what the adapter throws
   */
  start(app: Application, options: ApplicationOptions): Promise<Running>
}

/** The options of the adapter, and how it answers if a tenant does not exist. */
export interface ApplicationOptions extends RequestOptions {
  /**
   * `replaced`: by `app.gone(error, req)` with the status 410. `broken`: by a function that throws.
   * `continued`: the request goes on without a tenant, if the framework supports that.
   */
  readonly notFound?: 'replaced' | 'broken' | 'continued' | undefined
}

/** A server that is running. */
export interface Running {
  readonly port: number
  close(): Promise<void>
}

/** The scope that an application saw at one place in its code. */
export interface Note {
  readonly place: string
  /** The client's name of the request: `<number>:<tenant>`. The tenant is empty if there is none. */
  readonly request: string
  readonly tenant: string | undefined
  /** The tenant of the other tenantKnex. */
  readonly other?: string | undefined
}

/** The properties that the framework itself has for a request. */
export interface Seen {
  readonly tenant: Tenant | undefined
  readonly knex: BoundKnex | undefined
  /** The URL that the router gets. */
  readonly url: string | undefined
}

/** Places that run before the request's tenant is known. */
const BEFORE = ['listener', 'earlier']

/** The handlers of an application. All frameworks use the same. */
export class Application {
  readonly tenantKnex: TenantKnex
  readonly notes: Note[] = []
  /** Another tenantKnex that puts a tenant in scope for each request, and the options of its adapter. */
  other: (RequestOptions & { readonly tenantKnex: TenantKnex }) | undefined

  constructor(tenantKnex: TenantKnex) {
    this.tenantKnex = tenantKnex
  }

  /** Gives each request a tenant of another tenantKnex, too: the same id with `other-` before it. */
  addOther(): void {
    this.other = {
      tenantKnex: createTenantKnex({ connection: {} }),
      resolve: (request) => otherOf(request.header('x-request')[0]),
      skip: (request) => otherOf(request.header('x-request')[0]) === undefined,
    }
  }

  /** Notes the tenant in scope now. */
  note(place: string, req: IncomingMessage): void {
    const other = this.other && tenantIn(this.other.tenantKnex)
    this.notes.push({ place, request: nameOf(req), tenant: this.inScope(), other })
  }

  /** The tenant in scope now. */
  inScope(): string | undefined {
    return tenantIn(this.tenantKnex)
  }

  /** Notes the tenant in scope before all other code runs, and when a response ends. */
  watch(server: EventEmitter): void {
    server.prependListener('request', (req: IncomingMessage, res: ServerResponse) => {
      this.note('listener', req)
      res.on('finish', () => this.note('outer-finish', req))
      res.on('close', () => this.note('outer-close', req))
      req.on('end', () => this.note('outer-end', req))
    })
  }

  /** Places where another tenant than the request's was in scope. */
  mistakes(): Note[] {
    return this.notes.filter(({ place, request, tenant, other }) => {
      const own = request.split(':')[1] || undefined
      const isOther = this.other !== undefined && isMistake(place, other, otherOf(request))
      return isOther || isMistake(place, tenant, own)
    })
  }

  /** The notes about a request. */
  placesOf(request: string): string[] {
    return this.notes.filter((note) => note.request === request).map(({ place }) => place)
  }

  async rows(req: IncomingMessage, seen: Seen): Promise<object> {
    const rows = (await seen.knex?.<Item>('items').select('tenant').limit(2)) ?? []
    return { ...this.#about(req), ...seen, knex: undefined, rows: rows.map(({ tenant }) => tenant) }
  }

  async ambient(req: IncomingMessage): Promise<object> {
    await new Promise(setImmediate)
    const [first] = await this.tenantKnex.ambient<Item>('items').limit(1)
    const [second] = await this.tenantKnex.ambient<Item>('items').limit(1)
    return { ...this.#about(req), rows: [first?.tenant, second?.tenant] }
  }

  /** Asks for another tenant's rows. */
  async elsewhere(): Promise<object> {
    return this.tenantKnex('ghost')<Item>('items')
  }

  /** The same as `rows`, in a transaction. */
  async transaction(req: IncomingMessage, { knex }: Seen): Promise<object> {
    const rows = await knex?.transaction((trx) => trx<Item>('items').limit(1))
    return { ...this.#about(req), rows: rows?.map(({ tenant }) => tenant) }
  }

  health(req: IncomingMessage, { tenant, knex }: Seen): object {
    return { ...this.#about(req), tenant: tenant ?? null, hasKnex: knex !== undefined }
  }

  /** A body that queries for each chunk when the chunk is read. */
  stream(req: IncomingMessage): Readable {
    return listened(this, req, Readable.from(this.#chunks(req, 4), { objectMode: false }))
  }

  /** A body that only an abort ends. Each chunk is larger than a socket accepts at once. */
  endless(req: IncomingMessage): Readable {
    const chunks = this.#chunks(req, Number.POSITIVE_INFINITY, 100_000)
    return listened(this, req, Readable.from(chunks, { objectMode: false }))
  }

  /** A body that fails half-way. */
  brokenStream(req: IncomingMessage): Readable {
    const app = this
    const chunks = async function* (): AsyncGenerator<string> {
      yield* app.#chunks(req, 2)
      throw new Error('The stream broke.')
    }
    return listened(this, req, Readable.from(chunks(), { objectMode: false }))
  }

  /** All rows of a long answer, while they come from the server. */
  cursor(req: IncomingMessage, knex: BoundKnex | undefined): Readable {
    if (!knex) throw new Error('There is no Knex.')
    const joins = Array.from({ length: 5 }, (_, index) => `items i${index}`)
    const rows = knex
      .select('i.tenant')
      .fromRaw(`items i, ${joins.join(', ')}`)
      .stream()
    const lines = new Transform({
      writableObjectMode: true,
      transform: (row: Item, _encoding, done) => done(null, lineOf(row.tenant)),
    })
    this.note('cursor', req)
    return pipeline(rows, lines, () => this.note('cursor-end', req))
  }

  /** Reads a body with listeners, and answers with the tenants that were in scope. */
  async upload(req: IncomingMessage, body: Readable): Promise<object> {
    const inScope: (string | undefined)[] = []
    await new Promise<void>((done, fail) => {
      body.on('data', () => {
        inScope.push(this.inScope())
        this.note('data', req)
      })
      body.on('error', fail)
      body.on('close', () => this.note('body-close', req))
      body.on('end', async () => {
        this.note('body-end', req)
        done()
      })
    })
    const [row] = await this.tenantKnex.ambient<Item>('items').limit(1)
    return { ...this.#about(req), chunks: inScope, rows: [row?.tenant] }
  }

  async throw(): Promise<never> {
    await this.tenantKnex.ambient<Item>('items').limit(1)
    throw new Error('The handler threw.')
  }

  async slow(req: IncomingMessage): Promise<object> {
    this.note('slow', req)
    // Only Node 26 has it.
    const { signal } = req as { signal?: AbortSignal }
    signal?.addEventListener('abort', () => this.note('signal', req))
    await this.tenantKnex.ambient.raw('SELECT SLEEP(0.2)')
    this.note('slow-end', req)
    return this.#about(req)
  }

  /** Notes the tenant in scope when the response has ended, and later. */
  after(req: IncomingMessage, res: ServerResponse): object {
    setTimeout(() => this.note('timer', req), 1)
    res.on('close', () => this.note('close', req))
    res.prependListener('finish', () => this.note('early', req))
    res.on('finish', async () => {
      this.note('finish', req)
      setTimeout(() => this.note('later-timer', req), 1)
      const [row] = await this.tenantKnex.ambient<Item>('items').limit(1)
      this.note('queried', req)
      this.notes.push({ ...(this.notes.at(-1) as Note), place: 'query', tenant: row?.tenant })
    })
    return this.#about(req)
  }

  /** The answer of an error handler. */
  failure(error: unknown, req: IncomingMessage): object {
    const { code, message } = error as { code?: string; message?: string }
    return { ...this.#about(req), code, message }
  }

  /** The application's own answer for a tenant that does not exist. */
  gone(error: { readonly code: string; readonly status: number }, req: IncomingMessage): object {
    this.note('gone', req)
    return { ...this.#about(req), code: error.code, status: error.status }
  }

  async *#chunks(req: IncomingMessage, count: number, padding = 0): AsyncGenerator<string> {
    try {
      for (let index = 0; index < count; index++) {
        this.note('chunk', req)
        const [row] = await this.tenantKnex.ambient<Item>('items').limit(1)
        yield `${JSON.stringify({ ...this.#about(req), rows: [row?.tenant] })}${' '.repeat(padding)}\n`
      }
    } finally {
      this.note('chunks-end', req)
    }
  }

  #about(req: IncomingMessage): object {
    return { request: nameOf(req), inScope: this.inScope() ?? null }
  }
}

/** The part of the body of `/cursor` for each row. */
export function lineOf(tenant: string): string {
  return `${tenant.padEnd(100)}\n`
}

function listened(app: Application, req: IncomingMessage, body: Readable): Readable {
  for (const event of ['end', 'close', 'error']) body.on(event, () => app.note(event, req))
  return body
}

function tenantIn(tenantKnex: TenantKnex): string | undefined {
  try {
    return tenantKnex.current().tenant.id
  } catch {
    return undefined
  }
}

/** The other tenantKnex's tenant of a request, by the request's name. */
function otherOf(name = ''): string | undefined {
  const [, tenant] = name.split(':')
  return tenant ? `other-${tenant}` : undefined
}

function isMistake(place: string, tenant: string | undefined, own: string | undefined): boolean {
  if (BEFORE.includes(place)) return tenant !== undefined
  return tenant !== own && (tenant !== undefined || !place.startsWith('outer-'))
}

function nameOf(req: IncomingMessage): string {
  return String(req.headers['x-request'])
}
