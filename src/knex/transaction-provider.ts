/** The object behind the function of a Knex or a transaction; read in knex 3.3.0. */
export interface ProviderContext {
  client: object
  transactionProvider(...args: unknown[]): () => Promise<unknown>
}

/**
 * Makes a transaction provider check the scope at each call. A provider begins one transaction at its first
 * call, and returns the same one from then on.
 */
export function guardProviders(context: ProviderContext): void {
  const { transactionProvider } = context
  context.transactionProvider = function (...args) {
    const client = this.client as { checkScope(): void }
    const provide = transactionProvider.apply(this, args)
    return () => {
      try {
        client.checkScope()
      } catch (error) {
        return Promise.reject(error)
      }
      return provide()
    }
  }
}
