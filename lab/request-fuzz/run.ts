import { seededRandom, seedOf } from '../../src/testing/random.ts'
import { SHAPES, type Shape } from './shapes.ts'
import { pipelineOnce } from './traffic.ts'
import { Watch, type Wrong } from './watch.ts'

const CONNECTIONS = 4

/** The extent of the fuzzing. */
export interface Wanted {
  readonly seed: number
  /** How many connections for each shape, with several requests each. */
  readonly connections: number
  /** A part of the names of shapes. */
  readonly only?: string
}

/** The result of one shape. */
export interface Outcome {
  readonly shape: string
  readonly checks: number
  readonly wrong: readonly Wrong[]
}

/** Fuzzes one shape after another. */
export async function* fuzz({ seed, connections, only = '' }: Wanted): AsyncGenerator<Outcome> {
  for (const [index, shape] of SHAPES.entries()) {
    if (shape.name.includes(only)) yield await fuzzShape(shape, seedOf(seed, index), connections)
  }
}

async function fuzzShape(shape: Shape, seed: number, connections: number): Promise<Outcome> {
  const watch = new Watch()
  watch.shape = shape.name
  watch.used = shape.used
  const { port, close } = await shape.start(watch)
  try {
    const indexes = Array.from({ length: connections }, (_, index) => index).values()
    const workers = Array.from({ length: CONNECTIONS }, async () => {
      for (const index of indexes) await pipelineOnce(port, seededRandom(seedOf(seed, index)))
    })
    await Promise.all(workers)
  } finally {
    await close()
  }
  if (watch.found === 0) throw new Error(`${shape.name}: no tenant was ever in scope.`)
  return { shape: shape.name, checks: watch.checks, wrong: watch.wrong }
}
