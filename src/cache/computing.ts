import { AsyncLocalStorage } from 'node:async_hooks'

/** A key whose factory runs, with those in whose factories that has begun. */
interface Computing {
  /** The cache that the key is of. */
  readonly owner: object
  readonly key: string
  readonly outer: Computing | undefined
  isOver: boolean
}

const storage = new AsyncLocalStorage<Computing | undefined>()

/** True inside the factory of a key, however deep, until that has ended. */
export function isComputing(owner: object, key: string): boolean {
  for (let one = running(); one; one = one.outer) {
    if (one.owner === owner && one.key === key && !one.isOver) return true
  }
  return false
}

/** Runs a key's factory. */
export async function computing<T>(
  owner: object,
  key: string,
  factory: () => Promise<T>,
): Promise<T> {
  const one = { owner, key, outer: running(), isOver: false }
  try {
    return await storage.run(one, factory)
  } finally {
    one.isOver = true
  }
}

/** The innermost that has not ended: what a factory has left behind must not hold all those before. */
function running(): Computing | undefined {
  let one = storage.getStore()
  while (one?.isOver) one = one.outer
  return one
}
