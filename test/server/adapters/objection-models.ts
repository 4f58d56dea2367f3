import { Model, type ModelObject, type RelationMappings } from 'objection'
import type { BoundKnex } from '../../../src/index.ts'

/** Model classes like those of an application, with the given base class. */
export function defineModels(Base: typeof Model) {
  class Pet extends Base {
    static override tableName = 'pets'
    declare id: number
    declare name: string
    declare owner_id: number | null
  }

  class Film extends Base {
    static override tableName = 'films'
    declare id: number
    declare name: string
    /** A column of the join table. */
    declare role?: string
  }

  class Person extends Base {
    static override tableName = 'persons'
    declare id: number
    declare name: string
    declare age: number | null
    declare parent_id: number | null
    declare parent?: Person
    declare pets: Pet[]
    declare films: Film[]

    static override get relationMappings(): RelationMappings {
      return {
        parent: {
          relation: Model.BelongsToOneRelation,
          modelClass: Person,
          join: { from: 'persons.parent_id', to: 'persons.id' },
        },
        pets: {
          relation: Model.HasManyRelation,
          modelClass: Pet,
          join: { from: 'persons.id', to: 'pets.owner_id' },
        },
        films: {
          relation: Model.ManyToManyRelation,
          modelClass: Film,
          join: {
            from: 'persons.id',
            through: { from: 'roles.person_id', to: 'roles.film_id', extra: ['role'] },
            to: 'films.id',
          },
        },
      }
    }

    static override modifiers = {
      withPet: (query: ReturnType<typeof Person.query>) =>
        query.whereExists(Person.relatedQuery('pets')),
    }
  }

  return { Person, Pet, Film }
}

export type Models = ReturnType<typeof defineModels>
export type PersonObject = ModelObject<InstanceType<Models['Person']>>

/** The models' tables. All tenants have the same keys. The names contain the tenant. */
export async function createTables(knex: BoundKnex): Promise<void> {
  await knex.schema
    .createTable('persons', (table) => {
      table.increments('id')
      table.string('name').notNullable()
      table.integer('age')
      table.integer('parent_id')
    })
    .createTable('pets', (table) => {
      table.increments('id')
      table.string('name').notNullable()
      table.integer('owner_id')
    })
    .createTable('films', (table) => {
      table.increments('id')
      table.string('name').notNullable()
    })
    .createTable('roles', (table) => {
      table.integer('person_id').notNullable()
      table.integer('film_id').notNullable()
      table.string('role')
    })
  await refill(knex)
}

/** Puts the first rows back. */
export async function refill(knex: BoundKnex): Promise<void> {
  const of = ` of ${knex.tenant.id}`
  for (const table of ['persons', 'pets', 'films', 'roles']) await knex(table).del()
  await knex('persons').insert([
    { id: 1, name: `Ada${of}` },
    { id: 2, name: `Byron${of}`, parent_id: 1 },
  ])
  await knex('pets').insert({ id: 1, name: `Rex${of}`, owner_id: 1 })
  await knex('films').insert({ id: 1, name: `Up${of}` })
  await knex('roles').insert({ person_id: 1, film_id: 1, role: `hero${of}` })
}

/** All rows of a tenant's tables. */
export async function contents(knex: BoundKnex): Promise<Record<string, unknown[]>> {
  return {
    persons: await knex('persons').orderBy('id'),
    pets: await knex('pets').orderBy('id'),
    films: await knex('films').orderBy('id'),
    roles: await knex('roles').orderBy('person_id').orderBy('film_id'),
  }
}
