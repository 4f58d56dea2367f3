import type { ModelInstance } from './internals.ts'
import { type Tenancy, wrongTenant } from './tenancy.ts'

/** Where a model keeps the id of the tenant whose row it is. */
export const HOME: unique symbol = Symbol('tenant-knex.home')

/** A model of which it is known whose row it is. */
export interface Homed {
  [HOME]: string | undefined
}

/** Keeps models with the tenant whose rows they are. */
export class ModelHomes {
  readonly #tenancy: Tenancy

  constructor(tenancy: Tenancy) {
    this.#tenancy = tenancy
  }

  /** @throws `ERR_WRONG_TENANT` where one belongs to another tenant than a Knex */
  check(models: unknown, knex: object): void {
    const tenant = this.#tenancy.tenantOf(knex)
    for (const model of asArray(models)) {
      const home = (model as Partial<Homed> | null | undefined)?.[HOME]
      if (home === undefined || home === tenant.id) continue
      throw wrongTenant(
        `A model of tenant ${JSON.stringify(home)} was used by tenant ${JSON.stringify(tenant.id)}.`,
        tenant,
      )
    }
  }

  /** The same with all that are related to them. */
  checkGraph(models: unknown, knex: object): void {
    for (const root of asArray(models)) {
      if (isModel(root)) root.$traverse((model) => this.check(model, knex))
    }
  }

  /** From now on they, and all that are related to them, are of the tenant of a Knex. */
  adoptGraph(models: unknown, knex: object): void {
    const { id } = this.#tenancy.tenantOf(knex)
    for (const root of asArray(models)) if (isModel(root)) setHome(root, id)
  }
}

/** Says of a model and all that are related to it whose rows they are. */
export function setHome(root: ModelInstance, tenantId: string | undefined): void {
  root.$traverse((model) => {
    if (HOME in model) (model as ModelInstance & Homed)[HOME] = tenantId
  })
}

function asArray(models: unknown): readonly unknown[] {
  return Array.isArray(models) ? models : [models]
}

function isModel(value: unknown): value is ModelInstance {
  return (value as Partial<ModelInstance> | null | undefined)?.$isObjectionModel === true
}
