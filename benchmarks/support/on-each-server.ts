import { strict as assert } from 'node:assert'
import { type BenchServer, benchServers, type Field, withField } from './bench-server.ts'
import { type CellResult, ROUNDS, SEED, TURN_MILLIS } from './comparison.ts'
import type { Table } from './format.ts'
import { isTrial } from './given-options.ts'
import { printTable, writeResult } from './result.ts'

/** The content of a benchmark's file in `results/`, beside the environment and the figures. */
export interface ServerResult {
  readonly server: { readonly name: BenchServer['name']; readonly version: string }
  readonly seed: number
  readonly turnMillis: number
  readonly rounds: number
}

/**
 * Measures on each server, and prints a table. If it is no trial it writes the results to
 * `results/NAME-SERVER.json`.
 */
export async function onEachServer<Result extends object>(
  name: string,
  measure: (field: Field) => Promise<Result>,
  tableOf: (result: Result & ServerResult) => Table,
): Promise<void> {
  for (const server of benchServers()) {
    const result = await withField(server, async (field) => ({
      server: { name: server.name, version: field.version },
      seed: SEED,
      turnMillis: TURN_MILLIS,
      rounds: ROUNDS,
      ...(await measure(field)),
    }))
    if (!isTrial) writeResult(`${name}-${server.name.toLowerCase()}`, result)
    console.log(`${name}, on ${server.name} ${result.server.version}\n`)
    printTable(tableOf(result))
  }
}

/** Fails if a contender has failed, or has returned a row of another tenant. */
export function assertRight(result: CellResult): CellResult {
  for (const { name, wrongRows, errors, firstError } of result.contenders) {
    assert.equal(wrongRows, 0, `${name}: rows of others at ${JSON.stringify(result.cell)}`)
    assert.equal(errors, 0, `${name}: ${firstError} at ${JSON.stringify(result.cell)}`)
  }
  return result
}
