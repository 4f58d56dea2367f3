import { isBrief } from './brief.ts'

/** The built package, because a loader that compiles at load makes closures slower. */
const entry = isBrief ? '../../src/index.ts' : '../../dist/esm/index.js'

export const { createTenantKnex }: typeof import('../../src/index.ts') = await import(
  new URL(entry, import.meta.url).href
)
