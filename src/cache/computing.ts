import { AsyncLocalStorage } from 'node:async_hooks'

/** A key whose factory runs. If another factory called it, that is `outer`. */
interface Computing {
  /** The cache of the key. */
  readonly owner: object
  readonly key: string
  readonly outer: Computing | undefined
  isOver: boolean
}

const storage = new AsyncLocalStorage<Computing | undefined>()

/** True for code that the running factory of a key has called, directly or through other factories. */
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

/**
 * The innermost factory that has not ended. Ended ones are skipped: code that a factory left running
 * must not keep all factories around it in memory.
 */
function running(): Computing | undefined {
  let one = storage.getStore()
  while (one?.isOver) one = one.outer
  return one
}
