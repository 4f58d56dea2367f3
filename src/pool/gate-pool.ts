import { Pool } from 'tarn'
import type { Gate } from '../connection/gate.ts'
import { chooseIdle } from './choose-idle.ts'

/** An acquire under way. */
export type PendingAcquire = ReturnType<Pool<Gate>['acquire']>

/**
 * tarn's pool with our choice of connection. tarn hands out the last one of `free`, so the choice
 * is put there. Its arrays are `protected` and typed; tarn 3.1.2, dist/Pool.d.ts.
 */
export class GatePool extends Pool<Gate> {
  acquireFor(database: string): PendingAcquire {
    const chosen = chooseIdle(
      this.free.map(({ resource }) => describe(resource)),
      database,
    )
    this.free.push(...this.free.splice(chosen, chosen === -1 ? 0 : 1))
    return this.acquire()
  }

  /**
   * Says what becomes of who waits first when connecting has failed: they are told, or they wait on
   * for another connection to come back while connecting is tried again.
   */
  tellConnectErrors(isTold: boolean): void {
    this.propagateCreateError = isTold
  }

  /** Removes an idle connection at once; tarn alone would find it dead at its next use. */
  discard(gate: Gate): void {
    const index = this.free.findIndex(({ resource }) => resource === gate)
    const [resource] = index === -1 ? [] : this.free.splice(index, 1)
    if (resource === undefined) return
    resource.settle()
    void this._destroy(gate)
    this._tryAcquireOrCreate()
  }

  /** Connections open. */
  get size(): number {
    return this.used.length + this.free.length
  }

  /** Every connection of the pool. */
  gates(): { idle: Gate[]; used: Gate[] } {
    return {
      idle: this.free.map(({ resource }) => resource),
      used: this.used.map(({ resource }) => resource),
    }
  }
}

function describe({ state }: Gate): { database: string | undefined; isFresh: boolean } {
  return { database: state.database, isFresh: state.owner === undefined }
}

/** The part of tarn's surface that only reads. */
export type PoolView = Readonly<
  Pick<
    Pool<Gate>,
    'numUsed' | 'numFree' | 'numPendingAcquires' | 'numPendingCreates' | 'numPendingValidations'
  >
>

/** Lets user code see a pool's numbers, and nothing else. */
export function poolView(pool: Pool<Gate>): PoolView {
  return Object.freeze({
    numUsed: () => pool.numUsed(),
    numFree: () => pool.numFree(),
    numPendingAcquires: () => pool.numPendingAcquires(),
    numPendingCreates: () => pool.numPendingCreates(),
    numPendingValidations: () => pool.numPendingValidations(),
  })
}
