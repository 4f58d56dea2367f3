import type { RawConnection } from './wire/driver-types.ts'

/** The settings of a connection as its holder may see them. */
export type ShownConfig = Readonly<RawConnection['config']>

/**
 * A copy of a connection's settings that cannot be changed: if a tenant could set something there, the
 * next one would be served with it. The copy names the holder's database for ever, while the connection's
 * own settings name the present holder's.
 */
export function shownConfig({ config }: RawConnection, database: string): ShownConfig {
  return frozenCopy(config, { database })
}

/** Hidden properties stay hidden. Lists and plain objects inside are copies, too. */
function frozenCopy<T extends object>(object: T, changes: object = {}): Readonly<T> {
  const properties = Object.getOwnPropertyDescriptors(object) as Record<string, PropertyDescriptor>
  for (const property of Object.values(properties)) property.value = frozenValue(property.value)
  for (const [name, value] of Object.entries(changes))
    properties[name] = { value, enumerable: true }
  return Object.freeze(Object.create(Object.getPrototypeOf(object), properties))
}

function frozenValue(value: unknown): unknown {
  if (Array.isArray(value)) return Object.freeze(value.map(frozenValue))
  if (typeof value !== 'object' || value === null) return value
  return Object.getPrototypeOf(value) === Object.prototype ? frozenCopy(value) : value
}
