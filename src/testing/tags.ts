/**
 * The mark that each statement of a storm carries in its text, as a value, and each row that it
 * writes: which run, which tenant (by its place in the list), which operation.
 */
export interface Tag {
  readonly run: string
  readonly tenant: number
  readonly operation: number
}

const TAG = /storm:(\w+):(\d+):(\d+)/

export function formatTag({ run, tenant, operation }: Tag): string {
  return `storm:${run}:${tenant}:${operation}`
}

/** The first tag in a text; undefined where there is none. */
export function findTag(text: string): Tag | undefined {
  const [, run, tenant, operation] = TAG.exec(text) ?? []
  if (run === undefined) return undefined
  return { run, tenant: Number(tenant), operation: Number(operation) }
}
