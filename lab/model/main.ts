import { parseArgs } from 'node:util'
import { type Explored, exploreAll, exploreAtRandom, Violation } from './explore.ts'
import { LARGE, SMALL, VARIANTS } from './limits.ts'

const USAGE = `usage: npm run model -- [--depth N] [--random N] [--seed S] [--large] [--only TEXT]

Goes every way that a small world of pool, connections and users can go, and as many random steps as
told (100,000 by default; 0 for none) in a larger one, and checks after each step that nothing
crosses tenants. Prints what it has seen, or the way that breaks an invariant.

  --depth N    no more than N steps from the beginning (no limit by default)
  --random N   random steps in all
  --seed S     of the random ways (1 by default); the same seed gives the same ways
  --large      the larger worlds too: minutes to hours
  --only TEXT  just the worlds with this text in their titles`

const { values } = parseArgs({
  options: {
    depth: { type: 'string', default: 'Infinity' },
    random: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    large: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
})
const [depth, random, seed] = [values.depth, values.random, values.seed].map(Number) as [
  number,
  number,
  number,
]
if (values.help || !(depth >= 1 && random >= 0 && Number.isInteger(seed))) {
  console.error(USAGE)
  process.exit(values.help ? 0 : 2)
}

try {
  await exploreWorlds()
  if (random > 0) await exploreVariants()
} catch (error) {
  if (!(error instanceof Violation)) throw error
  console.error(error.message)
  process.exitCode = 1
}

async function exploreWorlds(): Promise<void> {
  const worlds = [...Object.entries(SMALL), ...(values.large ? Object.entries(LARGE) : [])]
  for (const [title, limits] of worlds) {
    if (!title.includes(values.only)) continue
    await report(title, () => exploreAll(limits, { depth }))
  }
}

async function exploreVariants(): Promise<void> {
  const share = Math.ceil(random / VARIANTS.length)
  for (const [index, limits] of VARIANTS.entries()) {
    const ownSeed = seed + index
    await report(`random ways, seed ${ownSeed}`, () => exploreAtRandom(limits, share, ownSeed))
  }
}

async function report(title: string, explore: () => Promise<Explored>): Promise<void> {
  const since = Date.now()
  const { states, transitions, steps, runs, longest, isComplete } = await explore()
  const seconds = ((Date.now() - since) / 1_000).toFixed(1)
  console.log(
    `${title}: ${states} states, ${transitions} transitions, ${runs} ways of up to ${longest} ` +
      `steps, ${steps} steps in all${isComplete ? ', complete' : ''}; ${seconds} s`,
  )
}
