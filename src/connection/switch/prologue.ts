import { CHANNELS } from '../../base/diagnostics.ts'
import type { Place } from '../../tenants/place.ts'
import type { SessionSetup } from '../session/setup.ts'
import type { Need } from '../session/state.ts'
import type { Packet } from '../wire/driver.ts'
import { NEUTRAL_DATABASE, switchPlan } from './plan.ts'
import { type SwitchFailure, SwitchRun, type SwitchTarget } from './run.ts'

/** What a prologue needs of a gate. */
interface PrologueTarget extends SwitchTarget {
  readonly name: string
  readonly setup: SessionSetup
}

/** A switch that goes before a tenant's command, and is part of it for mysql2. */
export class Prologue {
  /** True if it does not reset the session, and a statement has run in there before. */
  readonly keepsSession: boolean
  readonly #target: PrologueTarget
  readonly #place: Place
  /** Whose session is being cleaned; undefined if that is not needed. */
  readonly #from: Place | undefined
  /** Milliseconds of the process's clock; 0 where nobody asks for them. */
  readonly #startedAt: number = CHANNELS.switch.hasSubscribers ? performance.now() : 0
  readonly #run: SwitchRun
  /** True where the command leaves in the same write. */
  readonly isPipelined: boolean
  /** Of a pipelined command: the number that mysql2 expects its answer to begin with. */
  nextSequenceId = 0

  constructor(
    target: PrologueTarget,
    need: Exclude<Need, 'nothing'>,
    place: Place,
    isPipelined: boolean,
  ) {
    const { state, setup } = target
    this.#target = target
    this.#place = place
    this.#from = need === 'hand-over' ? state.owner : undefined
    this.keepsSession = need === 'confirm' && state.owner !== undefined
    this.isPipelined = isPipelined
    const isOverNeutral = isPipelined && state.database !== NEUTRAL_DATABASE
    const plan = switchPlan(need, setup, place.database, isOverNeutral)
    this.#run = new SwitchRun(target, plan, isPipelined)
  }

  /** Why the switch of a pipelined command failed. */
  get failure(): SwitchFailure | undefined {
    return this.#run.failure
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
    const { server, database, tenant } = this.#place
    const { name, connection } = this.#target
    const about = { name, server, tenant: tenant.id, database, connectionId: connection.threadId }
    if (this.#startedAt > 0) {
      const durationMillis = performance.now() - this.#startedAt
      const isHandOver = this.#from !== undefined
      CHANNELS.switch.publish({ ...about, durationMillis, isHandOver, error })
    }
    if (this.#from && error === undefined && CHANNELS.handOver.hasSubscribers) {
      CHANNELS.handOver.publish({ ...about, from: this.#from.tenant.id })
    }
  }
}
