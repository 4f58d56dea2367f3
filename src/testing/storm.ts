import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { inTime } from '../base/deadline.ts'
import { serverErrno, TenantKnexError } from '../base/errors.ts'
import { audit } from './audit.ts'
import { Claims } from './claims.ts'
import { planStep, type Step } from './plan.ts'
import type { StormFault } from './storm-fault.ts'
import { StormContext, type StormOperation, StormViolation } from './storm-operation.ts'
import {
  type ResolvedStormOptions,
  resolveStormOptions,
  type StormOptions,
} from './storm-options.ts'
import { type ReportedViolation, StormError, type StormReport } from './storm-report.ts'
import { takeStormTables } from './tables.ts'
import { Tally } from './tally.ts'
import { Watch } from './watch.ts'

type StormStep = Step<StormOperation, StormFault>

/** A storm ends early after so many violations. */
const MOST_VIOLATIONS = 10

/** So many bytes may a heap grow because of running operations. */
const HEAP_SLACK_BYTES = 32 * 2 ** 20

/** How long the audit waits for a server to recover from the last fault. */
const AUDIT_MILLIS = 15_000

/**
 * Tries to make rows cross tenants. It runs random operations of all tenants at once and makes the given
 * faults. It checks each row that comes back, and at the end it checks every database. It uses the
 * application's own tenantKnex, and only databases that `createStormTables` has prepared.
 *
 * @returns the report
 * @throws StormError (`ERR_STORM_FAILED`) with the report, if the storm found a violation
 * @throws `ERR_STORM_REFUSED` if a database was not prepared for storms, `ERR_OPTION_INVALID`
 */
export async function storm(options: StormOptions): Promise<StormReport> {
  const resolved = resolveStormOptions(options)
  await takeStormTables(resolved.tenantKnex, resolved.tenants)
  const report = await new Storm(resolved).run()
  if (report.violations.length > 0) throw new StormError(report)
  return report
}

/** One run. */
class Storm {
  readonly #options: ResolvedStormOptions
  readonly #run = randomBytes(4).toString('hex')
  readonly #claims: Claims
  readonly #violations: ReportedViolation[] = []
  readonly #byOperation = new Tally()
  readonly #errors = new Tally()
  readonly #faults = new Tally()
  readonly #struck = new Map<string, Tally>()
  #rows = 0
  #next = 0
  #striking: Promise<void> = Promise.resolve()
  #earlyHeap: number | undefined

  constructor(options: ResolvedStormOptions) {
    this.#options = options
    this.#claims = new Claims(options.count)
  }

  async run(): Promise<StormReport> {
    const { tenantKnex, tenants, witness, workers, seed } = this.#options
    const since = performance.now()
    const databases = tenants.map((id) => String(tenantKnex(id).tenant.database))
    const onProblem = (problem: string, cause?: unknown) => this.#violate(0, problem, cause)
    const watch = new Watch(witness, { run: this.#run, databases }, () => this.#limit(), onProblem)
    watch.start()
    await Promise.all(Array.from({ length: workers }, () => this.#work()))
    await this.#striking
    await this.#audit()
    const watched = await watch.stop()
    return {
      seed,
      operations: this.#claims.last,
      byOperation: this.#byOperation.counts(),
      rows: this.#rows,
      writes: this.#claims.count(),
      faults: this.#faults.counts(),
      struck: Object.fromEntries([...this.#struck].map(([name, tally]) => [name, tally.counts()])),
      errors: this.#errors.counts(),
      ...watched,
      heap: this.#heap(),
      durationMillis: performance.now() - since,
      violations: this.#violations,
    }
  }

  async #work(): Promise<void> {
    const { count } = this.#options
    while (this.#next < count && this.#violations.length < MOST_VIOLATIONS) {
      const step = planStep(this.#options, ++this.#next)
      if (step.number === Math.ceil(count / 4)) this.#earlyHeap = heapInUse()
      if (step.fault) await this.#strike(step, step.fault)
      await this.#operate(step)
    }
  }

  /** Faults strike one after another. */
  #strike(step: StormStep, fault: StormFault): Promise<void> {
    const { tenants } = this.#options
    const context = {
      tenant: step.tenant,
      random: step.random,
      lose: (tenant: string) => this.#claims.lose(tenants.indexOf(tenant)),
    }
    this.#striking = this.#striking.then(async () => {
      try {
        const struck = await fault.strike(context)
        this.#faults.add(fault.name)
        for (const [phase, count] of Object.entries(struck ?? {})) {
          this.#struckBy(fault.name).add(phase, count)
        }
      } catch (error) {
        this.#violate(step.number, `the fault "${fault.name}" could not be made`, error)
      }
    })
    return this.#striking
  }

  async #operate(step: StormStep): Promise<void> {
    const { tenantKnex, tenants, timeoutMillis } = this.#options
    const { number, operation, tenant, isAmbient } = step
    this.#claims.begin(number, tenants.indexOf(tenant))
    const context = new StormContext({
      ...step,
      tenantKnex,
      tenants,
      isCalm: this.#options.faults.length === 0,
      run: this.#run,
      claims: this.#claims,
      onRows: (count) => {
        this.#rows += count
      },
    })
    const operate = () => operation.run(context)
    const running = isAmbient ? tenantKnex.run(tenant, operate) : operate()
    try {
      await within(timeoutMillis, running)
    } catch (error) {
      this.#judge(step, error)
    }
    this.#byOperation.add(operation.name)
  }

  /**
   * Decides whether an error is a violation. In a storm with faults the database may fail, but only with
   * an error that has an `outcome`. A deadlock of two transactions of one tenant is always possible.
   */
  #judge({ number, operation, tenant }: StormStep, error: unknown): void {
    const details = error as { code?: string; outcome?: string; tenant?: string; name?: string }
    const isTolerated =
      (this.#options.faults.length > 0 || details?.code === 'ER_LOCK_DEADLOCK') &&
      !(error instanceof StormViolation) &&
      details?.outcome !== undefined &&
      details.code !== 'ERR_WRONG_TENANT' &&
      (details.tenant === undefined || details.tenant === tenant)
    if (isTolerated) {
      this.#errors.add(`${details.code ?? details.name} ${details.outcome}`)
      return
    }
    const { message } = error instanceof Error ? error : { message: String(error) }
    this.#violate(number, `"${operation.name}" of ${tenant}: ${message}`, error)
  }

  async #audit(): Promise<void> {
    const { tenantKnex, tenants } = this.#options
    const ledger = { tenantKnex, tenants, run: this.#run, claims: this.#claims }
    for (const tenant of tenants) {
      const problems = await patiently(() => audit(ledger, tenant))
      for (const problem of problems) this.#violate(0, problem)
    }
  }

  #heap(): StormReport['heap'] {
    const early = this.#earlyHeap
    const late = heapInUse()
    if (early === undefined || late === undefined) return undefined
    if (late - early > HEAP_SLACK_BYTES) this.#violate(0, `the heap grew by ${late - early} bytes`)
    return { early, late }
  }

  /** The most connections that are allowed: those of each pool, and one beside each pool. */
  #limit(): number {
    const { servers } = this.#options.tenantKnex.stats()
    return servers.reduce((sum, { max }) => sum + max + 1, 0)
  }

  #struckBy(fault: string): Tally {
    const tally = this.#struck.get(fault) ?? new Tally()
    this.#struck.set(fault, tally)
    return tally
  }

  #violate(operation: number, message: string, cause?: unknown): void {
    if (this.#violations.length < MOST_VIOLATIONS) {
      this.#violations.push({ operation, message, cause })
    }
  }
}

/** Awaits an operation. A late one is a violation. */
function within(millis: number, running: Promise<void>): Promise<void> {
  return inTime(millis, running, () => new StormViolation(`it did not settle within ${millis} ms`))
}

/** Tries again while the database fails. */
async function patiently<T>(fn: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + AUDIT_MILLIS
  for (;;) {
    try {
      return await fn()
    } catch (error) {
      const isOfDatabase = error instanceof TenantKnexError || serverErrno(error) !== undefined
      const isFatal = (error as { fatal?: boolean }).fatal === true
      if (performance.now() > deadline || !(isOfDatabase || isFatal)) throw error
      await sleep(100)
    }
  }
}

/** Bytes after a garbage collection. Undefined if the process cannot start one. */
function heapInUse(): number | undefined {
  const { gc } = globalThis as { gc?: () => void }
  if (gc === undefined) return undefined
  gc()
  return process.memoryUsage().heapUsed
}
