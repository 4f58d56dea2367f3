import { HARMLESS as GENERATED, type Harmless } from '../generated/harmless.ts'

const HERE: readonly Harmless[] = []

/** Every change that no test can notice, and why it is harmless. */
export const HARMLESS: readonly Harmless[] = [...GENERATED, ...HERE]
