import { CHANNELS } from '../diagnostics.ts'
import type { LocatedTenant } from '../identifiers.ts'
import type { Packet } from './driver.ts'
import type { Need } from './session-state.ts'
import { type SessionSetup, switchPlan } from './switch-plan.ts'
import { SwitchRun, type SwitchTarget } from './switch-run.ts'

/** A switch that goes before a tenant's command, and is part of it for mysql2. */
export class Prologue {
  readonly #target: SwitchTarget
  readonly #tenant: LocatedTenant
  /** The tenant whose session is being cleaned; undefined where that is not needed. */
  readonly #from: LocatedTenant | undefined
  /** Milliseconds of the process's clock; 0 where nobody asks for them. */
  readonly #startedAt: number = CHANNELS.switch.hasSubscribers ? performance.now() : 0
  readonly #run: SwitchRun

  constructor(
    target: SwitchTarget & { readonly setup: SessionSetup },
    need: Exclude<Need, 'nothing'>,
    tenant: LocatedTenant,
  ) {
    this.#target = target
    this.#tenant = tenant
    this.#from = need === 'hand-over' ? target.state.owner : undefined
    this.#run = new SwitchRun(target, switchPlan(need, target.setup, tenant.database))
  }

  /** Sends the switch. */
  start(): void {
    this.#run.start()
  }

  /** See {@link SwitchRun.answer}. */
  answer(packet: Packet): boolean {
    return this.#run.answer(packet)
  }

  /**
   * Publishes that it has ended.
   *
   * @param error why it failed; undefined where it did not
   */
  publish(error: unknown): void {
    const { id: tenant, database } = this.#tenant
    const connectionId = this.#target.connection.threadId
    if (this.#startedAt > 0) {
      const durationMillis = performance.now() - this.#startedAt
      const isHandOver = this.#from !== undefined
      CHANNELS.switch.publish({ tenant, database, connectionId, durationMillis, isHandOver, error })
    }
    if (this.#from && error === undefined && CHANNELS.handOver.hasSubscribers) {
      CHANNELS.handOver.publish({ tenant, database, connectionId, from: this.#from.id })
    }
  }
}
