import { parseArgs } from 'node:util'
import type { TenantKnexOptions } from '../../src/index.ts'
import { isBrief } from './brief.ts'

/** Options of this library that the command names: `--options '{"clean":"always"}'`, once or more often. */
export const GIVEN_OPTIONS: readonly Partial<TenantKnexOptions>[] = optionsIn(process.argv.slice(2))

/** True if the results are not those of the library as it is. They are not kept. */
export const isTrial: boolean = isBrief || GIVEN_OPTIONS.length > 0

/** Reads each `--options JSON` among the arguments of a command. */
export function optionsIn(args: readonly string[]): Partial<TenantKnexOptions>[] {
  const { values } = parseArgs({
    args: [...args],
    options: { options: { type: 'string', multiple: true } },
    allowPositionals: true,
    strict: false,
  })
  return (values.options ?? []).map(parse)
}

function parse(text: string | boolean): Partial<TenantKnexOptions> {
  try {
    const options: unknown = JSON.parse(String(text))
    if (typeof options === 'object' && options !== null) return options
  } catch {
    // The message below is clearer.
  }
  throw new Error(`--options needs an object in JSON, such as '{"clean":"always"}', not ${text}.`)
}
