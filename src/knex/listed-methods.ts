/**
 * Makes a bound Knex list its methods. Plain Knex has them as own properties, so a copy by spread includes
 * them. Here all Knexes inherit them from one prototype, because 150 own methods would cost each tenant
 * kilobytes. So the proxy only lists them. An inherited method is described as an own property, and it gets
 * the same attributes when it is set.
 *
 * @param shared the Knex that has the methods as its own
 */
export function withListedMethods<K extends object>(knex: K, shared: object): K {
  return new Proxy<object>(knex, handlerOf(shared)) as K
}

const handlers = new WeakMap<object, ProxyHandler<object>>()

function handlerOf(shared: object): ProxyHandler<object> {
  const known = handlers.get(shared)
  if (known) return known
  const handler = createHandler(shared)
  handlers.set(shared, handler)
  return handler
}

const ATTRIBUTES = { writable: true, enumerable: true, configurable: true }

function createHandler(shared: object): ProxyHandler<object> {
  const isListed = (key: PropertyKey) => Object.prototype.propertyIsEnumerable.call(shared, key)
  return {
    ownKeys: (knex) => [...new Set([...Object.keys(shared), ...Reflect.ownKeys(knex)])],
    getOwnPropertyDescriptor(knex, key) {
      const own = Reflect.getOwnPropertyDescriptor(knex, key)
      if (own || !isListed(key)) return own
      return { ...ATTRIBUTES, value: Reflect.get(knex, key) }
    },
    defineProperty(knex, key, property) {
      const isNew = !Object.hasOwn(knex, key) && isListed(key)
      return Reflect.defineProperty(knex, key, isNew ? { ...ATTRIBUTES, ...property } : property)
    },
  }
}
