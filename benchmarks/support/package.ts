import { isBrief } from './brief.ts'

/** The package as it is installed: a loader that compiles as it loads would make each closure dearer. */
const entry = isBrief ? '../../src/index.ts' : '../../dist/esm/index.js'

export const { createTenantKnex }: typeof import('../../src/index.ts') = await import(
  new URL(entry, import.meta.url).href
)
