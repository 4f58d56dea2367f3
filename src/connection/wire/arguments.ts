/*
 * The arguments of mysql2's `query()`, `execute()` and `prepare()`, in all their forms.
 */

type ResultCallback = (error: Error | null, ...rest: unknown[]) => void

/** The text of a statement, before values are put in. */
export function sqlOf(statement: unknown): string {
  if (typeof statement === 'string') return statement
  const sql = (statement as { sql?: unknown } | null | undefined)?.sql
  return typeof sql === 'string' ? sql : ''
}

/** The values that mysql2 puts into the text. Those given beside a statement go before its own. */
export function valuesOf([statement, values]: readonly unknown[]): unknown {
  if (values !== undefined && typeof values !== 'function') return values
  return (statement as { values?: unknown } | null)?.values
}

/**
 * Lets a caller's callback be called once only, with its errors explained. When the connection ends,
 * mysql2 calls it again for an Execute whose Prepare was not answered, and for a Query whose own time limit
 * has passed, or passes later.
 */
export function explainOnce(
  args: readonly unknown[],
  explainer: { explain(error: Error): void },
): readonly unknown[] {
  const at = args.findIndex((argument) => typeof argument === 'function')
  if (at === -1) return args
  const callback = args[at] as ResultCallback
  let isCalled = false
  const onResult: ResultCallback = (error, ...rest) => {
    if (isCalled) return
    isCalled = true
    if (error) explainer.explain(error)
    callback(error, ...rest)
  }
  return args.with(at, onResult)
}
