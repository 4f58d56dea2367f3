import knex, { type Knex } from 'knex'
import mysql, { type Connection } from 'mysql2/promise'
import { selfContained } from '../../src/connection/session/self-contained.ts'
import { createTenantKnex } from '../../src/index.ts'
import { pickWeighted, seededRandom, seedOf } from '../../src/testing/random.ts'
import { type TestServer, until } from '../../test/support/tenants.ts'
import { createDatabases, type Databases, MARK } from './databases.ts'
import { EXPRESSIONS, type Expression, everything } from './expressions.ts'
import { GRAPHS_OF_OBJECTION, prepareModels } from './graphs.ts'
import { Maker } from './maker.ts'
import { mutate, type Text } from './mutations.ts'
import { type Answer, answerOf, errorOf, Recording, type Sent } from './recording.ts'

const KINDS: readonly Expression[] = [...EXPRESSIONS, ...GRAPHS_OF_OBJECTION]
/** How many changed texts are tried for each expression. */
const MUTATIONS = 3

/** The extent of the fuzzing. */
export interface Wanted {
  readonly server: TestServer
  readonly seed: number
  readonly expressions: number
}

/** The numbers of one kind of expression. */
export interface KindCount {
  expressions: number
  /** Expressions whose statements by builders were all self-contained. */
  selfContained: number
  /** Those that the server refused. */
  failed: number
}

/** The result of a run. */
export interface Report {
  readonly kinds: ReadonlyMap<string, KindCount>
  /** Changed texts: tried, taken for self-contained, and of those carried out by the server. */
  readonly mutations: { tried: number; taken: number; run: number }
  readonly statements: { sent: number; selfContained: number }
  /** Switches of tenantKnex's connections. */
  readonly switches: number
  /** Rows of the other tenant that were seen, and writes to its tables. */
  readonly marks: number
  readonly wrong: readonly string[]
}

/** Runs expressions by plain Knex, by tenantKnex, and from another tenant's database, and compares. */
export async function fuzz(wanted: Wanted): Promise<Report> {
  const databases = await createDatabases(wanted.server)
  try {
    return await fuzzIn(databases, wanted)
  } finally {
    await databases.drop()
  }
}

async function fuzzIn(
  databases: Databases,
  { server, seed, expressions }: Wanted,
): Promise<Report> {
  const { plain, tenant } = databases
  const connection = { uri: server.adminUrl }
  const own = knex({ client: 'mysql2', connection: `${server.adminUrl}${plain}`, pool: { max: 2 } })
  const tenantKnex = createTenantKnex({
    connection: server.adminUrl,
    database: () => tenant,
    qualify: 'auto',
    pool: { max: 2 },
  })
  const trap = await mysql.createConnection(connection)
  const other = await mysql.createConnection(connection)
  try {
    const bound = tenantKnex('t')
    await bound('items').limit(1)
    await until('the server’s word', () => tenantKnex.stats().servers[0].databases?.plain === 1)
    await prepareModels('own', own)
    await prepareModels('bound', bound)
    const run = new Run(databases, own, bound, trap, other)
    for (let index = 0; index < expressions; index++) await run.try(seedOf(seed, index), index)
    return { ...run.report, switches: tenantKnex.stats().servers[0].switches }
  } finally {
    await Promise.all([own.destroy(), tenantKnex.destroy(), trap.end(), other.end()])
  }
}

/** The statements of an expression, and its result. */
interface Done {
  readonly sent: readonly Sent[]
  readonly result: string
  readonly text: string
}

const NO_COUNT: KindCount = { expressions: 0, selfContained: 0, failed: 0 }

class Run {
  readonly #databases: Databases
  readonly #own: Knex
  readonly #bound: Knex
  readonly #trap: Connection
  readonly #other: Connection
  readonly #recordings: Readonly<Record<'own' | 'bound', Recording>>
  readonly #kinds = new Map<string, KindCount>()
  readonly #mutations = { tried: 0, taken: 0, run: 0 }
  readonly #statements = { sent: 0, selfContained: 0 }
  readonly #wrong: string[] = []
  #marks = 0

  constructor(databases: Databases, own: Knex, bound: Knex, trap: Connection, other: Connection) {
    this.#databases = databases
    this.#own = own
    this.#bound = bound
    this.#trap = trap
    this.#other = other
    this.#recordings = { own: new Recording(own), bound: new Recording(bound) }
  }

  get report(): Omit<Report, 'switches'> {
    return {
      kinds: this.#kinds,
      mutations: this.#mutations,
      statements: this.#statements,
      marks: this.#marks,
      wrong: this.#wrong,
    }
  }

  async try(seed: number, index: number): Promise<void> {
    const random = seededRandom(seed)
    const expression = pickWeighted(random, KINDS)
    const title = `${index} (${expression.kind})`
    const own = await this.#perform('own', this.#own, expression, seed)
    const bound = await this.#perform('bound', this.#bound, expression, seed)
    this.#count(expression, own)
    this.#compare(`${title} by tenantKnex`, own, bound)
    await this.#replay(title, own.sent)
    for (let count = 0; count < MUTATIONS; count++) {
      const text = own.sent.filter(isBuilt)[0]
      if (text) await this.#tryText(title, mutate(text, random))
    }
  }

  async #perform(
    name: 'own' | 'bound',
    base: Knex,
    expression: Expression,
    seed: number,
  ): Promise<Done> {
    const make = (knex: Knex): Maker =>
      new Maker(knex, seededRandom(seedOf(seed, 1)), expression.isRaw, name)
    let result = ''
    let text = ''
    const run = async (knex: Knex): Promise<void> => {
      try {
        const builder = expression.run(make(knex))
        if ('toSQL' in builder) text = String(builder)
        result = JSON.stringify(inAnyOrder(await builder), withoutTime)
      } catch (error) {
        result = String((error as { code?: string }).code ?? error)
      }
    }
    if (!expression.writes) await run(base)
    else {
      const trx = await base.transaction()
      await run(trx)
      await everything(trx).then(undefined, (error) => this.#wrong.push(`effects: ${error}`))
      await trx.rollback()
    }
    return { sent: this.#recordings[name].take(), result, text }
  }

  #count({ kind, writes }: Expression, { sent }: Done): void {
    const count = this.#kinds.get(kind) ?? { ...NO_COUNT }
    this.#kinds.set(kind, count)
    const built = (writes ? sent.slice(0, -2) : sent).filter(({ method }) => method !== undefined)
    count.expressions++
    if (built.every(isSelfContained)) count.selfContained++
    if (sent.some(({ answer }) => answer && 'code' in answer)) count.failed++
    this.#statements.sent += built.length
    this.#statements.selfContained += built.filter(isSelfContained).length
  }

  #compare(title: string, own: Done, bound: Done): void {
    if (own.text !== this.#inPlain(bound.text, true))
      this.#fail(title, own.text, 'another text', bound.text)
    if (own.sent.length !== bound.sent.length) {
      this.#fail(
        title,
        own.text,
        own.sent.map(({ sql }) => sql),
        bound.sent.map(({ sql }) => sql),
      )
    }
    for (const [at, sent] of own.sent.entries()) {
      const its = bound.sent[at]
      const [sql, values] = [its?.sql, this.#inPlain(its?.values)]
      if (sent.sql !== sql || JSON.stringify(sent.values) !== values) {
        this.#fail(title, sent, 'another statement', its)
      } else this.#compareAnswers(title, sent, sent.answer, its?.answer)
    }
    if (own.result !== this.#inPlain(bound.result, true)) {
      this.#fail(title, own.text, own.result, bound.result)
    }
  }

  /** Sends the statements again, from the other tenant's database if they are self-contained. */
  async #replay(title: string, statements: readonly Sent[]): Promise<void> {
    const { trap, replayed } = this.#databases
    const isTransaction = statements.some(({ method }) => method === undefined)
    await this.#trap.query('USE ??', [trap])
    if (isTransaction) await this.#trap.query('BEGIN')
    for (const sent of statements) {
      const parts = isBuilt(sent) ? selfContained(sent.sql) : undefined
      if (sent.method === undefined) {
        await this.#trap.query(sent.sql)
        continue
      }
      if (!parts) await this.#trap.query('USE ??', [replayed])
      const sql = parts ? parts.join(`${mysql.escapeId(replayed)}.`) : sent.sql
      const answer = await ask(this.#trap, { sql, values: this.#inReplayed(sent.values) })
      if (!parts) await this.#trap.query('USE ??', [trap])
      if (sent.hasOptions) continue
      this.#compareAnswers(`${title} from the trap`, sent, sent.answer, answer)
    }
    if (isTransaction) await this.#trap.query('ROLLBACK')
    await this.#countMarks(title, statements)
  }

  /** Tries a text as it is, and from the other tenant's and the neutral database if it is self-contained. */
  async #tryText(title: string, text: Text): Promise<void> {
    this.#mutations.tried++
    const parts = selfContained(text.sql)
    if (!parts) return
    this.#mutations.taken++
    const { changed, trap } = this.#databases
    const own = await this.#askIn(this.#other, changed, text)
    if (!('code' in own)) this.#mutations.run++
    const sql = parts.join(`${mysql.escapeId(changed)}.`)
    for (const database of [trap, 'information_schema']) {
      const answer = await this.#askIn(this.#trap, database, { ...text, sql })
      this.#compareAnswers(
        `${title} changed, in ${database}`,
        text,
        withoutIds(own),
        withoutIds(answer),
      )
    }
    await this.#countMarks(title, [text])
  }

  async #askIn(connection: Connection, database: string, text: Text): Promise<Answer> {
    await connection.query('USE ??', [database])
    await connection.query('BEGIN')
    const answer = await ask(connection, text)
    await connection.query('ROLLBACK')
    return answer
  }

  #compareAnswers(
    title: string,
    text: Text,
    own: Answer | undefined,
    its: Answer | undefined,
  ): void {
    if (JSON.stringify(its)?.includes(MARK)) {
      this.#marks++
      this.#fail(title, text, 'no marks', its)
    }
    if (own && its && 'code' in own && 'code' in its) {
      if (own.code === its.code) return
    }
    if (JSON.stringify(own) !== this.#inPlain(its)) this.#fail(title, text, own, its)
  }

  async #countMarks(title: string, statements: readonly Text[]): Promise<void> {
    const table = `${mysql.escapeId(this.#databases.trap)}.recorded`
    const [rows] = await this.#other.query(`SELECT * FROM ${table}`)
    if ((rows as unknown[]).length === 0) return
    this.#marks += (rows as unknown[]).length
    this.#fail(title, statements, 'no writes', rows)
    await this.#other.query(`TRUNCATE ${table}`)
  }

  #fail(title: string, text: unknown, expected: unknown, found: unknown): void {
    const parts = [text, expected, found].map((part) => JSON.stringify(part)?.slice(0, 1_500))
    this.#wrong.push(`${title}: ${parts.join('\n    ')}`)
  }

  /** As JSON, with the name of plain Knex's database for the other ones' names. */
  #inPlain(value: unknown, isJson = false): string | undefined {
    const { plain, tenant, replayed } = this.#databases
    const json = isJson ? (value as string) : JSON.stringify(value)
    return json?.replaceAll(tenant, plain).replaceAll(replayed, plain)
  }

  #inReplayed(values: readonly unknown[]): unknown[] {
    const { plain, replayed } = this.#databases
    return values.map((value) => (value === plain ? replayed : value))
  }
}

async function ask(connection: Connection, { sql, values }: Text): Promise<Answer> {
  try {
    const [result] = await connection.query({ sql, values: values as unknown[] })
    return answerOf(result)
  } catch (error) {
    return errorOf(error)
  }
}

/** Statements that Knex's builders make. */
const BUILT = new Set(['counter', 'del', 'first', 'insert', 'pluck', 'select', 'update'])

function isBuilt({ method }: Sent): boolean {
  return method !== undefined && BUILT.has(method)
}

function isSelfContained(sent: Sent): boolean {
  return isBuilt(sent) && selfContained(sent.sql) !== undefined
}

/** Without an order, the same rows may come in another one. */
function inAnyOrder(value: unknown): unknown {
  if (!Array.isArray(value)) {
    if (typeof value !== 'object' || value === null || value instanceof Date) return value
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, inAnyOrder(one)]))
  }
  return value.map(inAnyOrder).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}

/** Changed texts are not sent to all databases, so their automatic numbers differ. */
function withoutIds(answer: Answer): Answer {
  return 'affected' in answer ? { affected: answer.affected.with(2, 0) } : answer
}

function withoutTime(name: string, value: unknown): unknown {
  return name === 'at' ? null : value
}
