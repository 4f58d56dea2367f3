/**
 * The mark of a storm's operation: its run, its tenant (by its place in the list) and its number. Each
 * statement has it as a value in its text, and each written row has it in a column.
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

/** The first tag in a text. Undefined if there is none. */
export function findTag(text: string): Tag | undefined {
  const [, run, tenant, operation] = TAG.exec(text) ?? []
  if (run === undefined) return undefined
  return { run, tenant: Number(tenant), operation: Number(operation) }
}
