// A program that is traced by OpenTelemetry, and by the channels of mysql2. It prints its spans and the
// messages of the channels, one in a line.
// Usage: node --import tsx test/server/tracing/program.ts URL PREFIX
import { subscribe } from 'node:diagnostics_channel'
import { registerInstrumentations } from '@opentelemetry/instrumentation'
import { KnexInstrumentation } from '@opentelemetry/instrumentation-knex'
import { MySQL2Instrumentation } from '@opentelemetry/instrumentation-mysql2'
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node'

const exporter = new InMemorySpanExporter()
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
provider.register()
registerInstrumentations({
  instrumentations: [new KnexInstrumentation(), new MySQL2Instrumentation()],
})

// Not before the instrumentations: they change what is loaded from then on.
const { createTenantKnex } = await import('../../../src/index.ts')

const [connection = '', prefix = ''] = process.argv.slice(2)
const moved = new Map<string, string>()
const tenantKnex = createTenantKnex({
  connection,
  database: async (id) => prefix + (moved.get(id) ?? id),
  pool: { max: 1 },
})

let step = ''
for (const command of ['query', 'execute']) {
  subscribe(`tracing:mysql2:${command}:start`, (message) => {
    print({ by: 'mysql2', ...toAttributes(message as ChannelMessage) })
  })
}

const ofA = () => tenantKnex('a')('items').first('id')
const ofB = () => tenantKnex('b')('items').first('id')

await report('a tenant', ofA)
await report('another tenant on the same connection', ofB)
await report('the tenant in scope', () =>
  tenantKnex.run('a', async () => tenantKnex.ambient('items').first('id')),
)
await report('a statement that fails', () => tenantKnex('a')('missing').catch(() => undefined))
await report('the raw connection', () =>
  tenantKnex('a').transaction(async (trx) => {
    const raw = await trx.client.acquireConnection()
    await new Promise((resolve) => raw.execute('SELECT 1', resolve))
  }),
)
await report('a transaction whose tenant moves meanwhile', () =>
  tenantKnex('a').transaction(async (trx) => {
    moved.set('a', 'c')
    tenantKnex.forget('a')
    await trx('items').first('id')
    await tenantKnex.lookup('a')
    await trx('items').first('id')
  }),
)
await report('a tenant that has moved', ofA)
await tenantKnex.destroy()

async function report(name: string, run: () => PromiseLike<unknown>): Promise<void> {
  step = name
  exporter.reset()
  try {
    await run()
  } catch (error) {
    print({ by: 'error', error: String(error) })
  }
  for (const span of exporter.getFinishedSpans()) {
    const { instrumentationScope, attributes, status, events } = span
    print({ by: instrumentationScope.name, attributes, name: span.name, status, events })
  }
}

/** What mysql2 tells of a statement. */
interface ChannelMessage {
  readonly database: string
  readonly serverAddress: string
  readonly serverPort: number
}

function toAttributes({ database, serverAddress, serverPort, ...rest }: ChannelMessage): object {
  const attributes = {
    'db.namespace': database,
    'server.address': serverAddress,
    'server.port': serverPort,
  }
  return { attributes, rest }
}

function print(line: object): void {
  console.log(JSON.stringify({ step, ...line }))
}
