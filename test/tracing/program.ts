// A program that is traced by OpenTelemetry. It prints its spans, one in a line.
// Usage: node --import tsx test/tracing/program.ts URL PREFIX
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
const { createTenantKnex } = await import('../../src/index.ts')

const [connection = '', prefix = ''] = process.argv.slice(2)
const moved = new Map<string, string>()
const tenantKnex = createTenantKnex({
  connection,
  database: async (id) => prefix + (moved.get(id) ?? id),
  pool: { max: 1 },
})

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

async function report(step: string, run: () => PromiseLike<unknown>): Promise<void> {
  exporter.reset()
  try {
    await run()
  } catch (error) {
    print({ step, by: 'error', attributes: { error: String(error) } })
  }
  for (const {
    instrumentationScope,
    name,
    attributes,
    status,
    events,
  } of exporter.getFinishedSpans())
    print({ step, by: instrumentationScope.name, attributes, name, status, events })
}

function print(line: object): void {
  console.log(JSON.stringify(line))
}
