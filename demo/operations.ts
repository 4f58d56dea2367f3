import type { Knex } from 'knex'
import type { City } from './cities.ts'
import type { Kind, Request } from './requests.ts'

/** Access to one tenant's cities. */
export interface Access {
  readonly db: Knex
  /** The condition for the tenant's rows; empty if the database contains no others. */
  readonly mine: Partial<City>
}

/** Serves a request, and shows every row that it reads. */
type Operation = (
  access: Access,
  request: Request,
  show: (city: City | undefined) => void,
) => Promise<unknown>

/** The operations of requests, in ordinary Knex. */
export const OPERATIONS: Readonly<Record<Kind, Operation>> = {
  async read({ db, mine }, { id }, show) {
    show(await db<City>('cities').where(mine).where('id', id).first())
  },

  async list({ db, mine }, _request, show) {
    const largest = await db<City>('cities').where(mine).orderBy('population', 'desc').limit(20)
    largest.forEach(show)
  },

  async write({ db, mine }, { id }) {
    await db<City>('cities').where(mine).where('id', id).increment('visits')
  },

  /** A person moves from one city to another. */
  async transaction({ db, mine }, { id, otherId }, show) {
    await db.transaction(async (trx) => {
      await trx<City>('cities').where(mine).where('id', id).decrement('population')
      await trx<City>('cities').where(mine).where('id', otherId).increment('population')
      show(await trx<City>('cities').where(mine).where('id', id).first())
    })
  },

  async stream({ db, mine }, _request, show) {
    for await (const city of db<City>('cities').where(mine).stream()) show(city)
  },
}
