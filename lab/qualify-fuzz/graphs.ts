import type { Knex } from 'knex'
import { Model, type RelationMappings } from 'objection'
import type { Expression } from './expressions.ts'
import type { Maker } from './maker.ts'

/** Objection's models of one Knex. It remembers the columns of their tables. */
interface Models {
  readonly Item: typeof Model
  readonly Event: typeof Model
}

const known = new Map<string, Models>()

/** The models for the database that a Knex is bound to, with what Objection has to ask for first. */
export async function prepareModels(name: string, knex: Knex): Promise<void> {
  class File extends Model {
    static override tableName = 'files'
  }
  class Event extends Model {
    static override tableName = 'events'
    static override get relationMappings(): RelationMappings {
      const join = { from: 'events.parent', to: 'items.id' }
      return { item: { relation: Model.BelongsToOneRelation, modelClass: Item, join } }
    }
  }
  class Item extends Model {
    static override tableName = 'items'
    static override get relationMappings(): RelationMappings {
      const through = { from: 'order.parent', to: 'order.from' }
      return {
        above: {
          relation: Model.BelongsToOneRelation,
          modelClass: Item,
          join: { from: 'items.parent', to: 'items.id' },
        },
        events: {
          relation: Model.HasManyRelation,
          modelClass: Event,
          join: { from: 'items.id', to: 'events.parent' },
        },
        files: {
          relation: Model.ManyToManyRelation,
          modelClass: File,
          join: { from: 'items.id', through, to: 'files.id' },
        },
      }
    }
  }
  for (const model of [Item, Event, File]) await model.fetchTableMetadata({ knex })
  await Item.fetchTableMetadata({ knex, table: 'order' })
  known.set(name, { Item, Event })
}

const GRAPHS = [
  'events',
  'above.above',
  '[events, files]',
  'files',
  '[above.[events, files], files]',
]

type Use = (maker: Maker, models: Models) => PromiseLike<unknown>

const READS: readonly Use[] = [
  (maker, { Item }) => Item.query(maker.knex).withGraphFetched(maker.pick(GRAPHS)).orderBy('id'),
  (maker, { Item }) =>
    Item.query(maker.knex).withGraphJoined(maker.pick(GRAPHS)).orderBy('items.id').limit(7),
  (maker, { Item }) =>
    Item.query(maker.knex).joinRelated('[events, above]').where('above.n', '>', maker.number(5)),
  (maker, { Item }) =>
    Item.query(maker.knex).whereExists(Item.relatedQuery('events').where('n', 3)),
  (maker, { Item }) =>
    Item.query(maker.knex).select('id', Item.relatedQuery('files').count().as('files')),
  (maker, { Event }) => Event.query(maker.knex).page(maker.number(3), 2).orderBy('id'),
  (maker, { Event }) => Event.query(maker.knex).resultSize(),
  (maker, { Item }) =>
    Item.query(maker.knex)
      .modifyGraph('events', (q) => void q.orderBy('id').limit(2))
      .withGraphFetched('events'),
]

const WRITES: readonly Use[] = [
  (maker, { Item }) =>
    Item.query(maker.knex).insertGraph({
      n: 3,
      events: [{ n: 1 }, { n: 2 }],
      files: [{ n: 5 }],
    } as never),
  (maker, { Item }) =>
    Item.query(maker.knex).upsertGraph(
      { id: 1 + maker.number(4), n: 30, events: [{ id: 1, n: 4 }, { n: 7 }] } as never,
      { insertMissing: true, relate: maker.chance(0.5), unrelate: maker.chance(0.5) },
    ),
  (maker, { Item }) =>
    Item.relatedQuery('events', maker.knex)
      .for([1, 2])
      .patch({ n: maker.number(9) } as never),
  (maker, { Item }) =>
    Item.relatedQuery('files', maker.knex)
      .for(Item.query().where('n', '>', 3))
      .delete(),
  (maker, { Item }) => Item.relatedQuery('files', maker.knex).for(2).relate([1, 3]),
  (maker, { Item }) =>
    Item.relatedQuery('files', maker.knex).for(2).unrelate().where('files.id', 1),
  (maker, { Event }) =>
    Event.query(maker.knex).patchAndFetchById(2, { n: maker.number(50) } as never),
  (maker, { Event }) => Event.query(maker.knex).insertAndFetch({ n: maker.number(50) } as never),
  (maker, { Event }) => Event.query(maker.knex).deleteById(1 + maker.number(9)),
]

function using(uses: readonly Use[]): Expression['run'] {
  return (maker) => maker.pick(uses)(maker, known.get(maker.name) as Models)
}

/** Objection's queries and graphs. */
export const GRAPHS_OF_OBJECTION: readonly Expression[] = [
  { kind: 'Objection read', weight: 4, writes: false, run: using(READS) },
  { kind: 'Objection write', weight: 4, writes: true, run: using(WRITES) },
]
