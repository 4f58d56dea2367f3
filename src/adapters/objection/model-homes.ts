import type { ModelClass, ModelInstance } from './internals.ts'
import { type Tenancy, wrongTenant } from './tenancy.ts'

/** The property with which a model knows its home: the id of the tenant that owns its row. */
export const HOME: unique symbol = Symbol('tenant-knex.home')

/** A model that knows its home. */
export interface Homed {
  [HOME]: string | undefined
}

/** Keeps models with the tenant that owns their rows. */
export class ModelHomes {
  readonly #tenancy: Tenancy

  constructor(tenancy: Tenancy) {
    this.#tenancy = tenancy
  }

  /** @throws `ERR_WRONG_TENANT` if a model belongs to another tenant than the Knex */
  check(models: unknown, knex: object): void {
    const tenant = this.#tenancy.tenantOf(knex)
    for (const model of asArray(models)) {
      const home = homeOf(model)
      if (home === undefined || home === tenant.id) continue
      throw wrongTenant(
        `A model of tenant ${JSON.stringify(home)} was used by tenant ${JSON.stringify(tenant.id)}.`,
        tenant,
      )
    }
  }

  /** Checks models and all models related to them. */
  checkGraph(models: unknown, knex: object): void {
    for (const model of graphOf(models)) this.check(model, knex)
  }

  /** Gives models to the tenant of a Knex while they are written. If that fails, they go back. */
  async adoptDuring<T>(
    models: readonly ModelInstance[],
    knex: object,
    write: () => Promise<T>,
  ): Promise<T> {
    const { id } = this.#tenancy.tenantOf(knex)
    const homes = models.map(homeOf)
    for (const model of models) setHome(model, id)
    try {
      return await write()
    } catch (error) {
      for (const [index, model] of models.entries()) setHome(model, homes[index])
      throw error
    }
  }
}

/** The id of the tenant that owns the row of a model. Undefined if it is unknown. */
export function homeOf(model: unknown): string | undefined {
  return (model as Partial<Homed> | null | undefined)?.[HOME]
}

/** Copies the homes of a model, and of all models related to it, to a clone. */
export function copyHomes(original: ModelInstance, clone: ModelInstance): void {
  setHome(clone, homeOf(original))
  for (const name of relationsOf(clone)) {
    const originals = related(original, name)
    for (const [index, model] of related(clone, name).entries()) {
      if (isModel(model)) copyHomes(originals[index] as ModelInstance, model)
    }
  }
}

/** Models and all models related to them, each once. */
export function* graphOf(
  models: unknown,
  seen: Set<unknown> = new Set(),
): Generator<ModelInstance> {
  for (const model of asArray(models)) {
    if (!isModel(model) || seen.has(model)) continue
    seen.add(model)
    yield model
    for (const name of relationsOf(model)) yield* graphOf(related(model, name), seen)
  }
}

function setHome(model: ModelInstance & Partial<Homed>, tenantId: string | undefined): void {
  // The class of a related model may not be made by forTenants().
  if (HOME in model) model[HOME] = tenantId
}

function relationsOf(model: ModelInstance): readonly string[] {
  return (model.constructor as ModelClass).getRelationNames()
}

function related(model: ModelInstance, relation: string): readonly unknown[] {
  return asArray((model as unknown as Record<string, unknown>)[relation])
}

function asArray(models: unknown): readonly unknown[] {
  return Array.isArray(models) ? models : [models]
}

function isModel(value: unknown): value is ModelInstance {
  return (value as Partial<ModelInstance> | null | undefined)?.$isObjectionModel === true
}
