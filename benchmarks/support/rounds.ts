import { type Quartiles, quartiles } from './statistics.ts'

/** What one subject of a benchmark costs. */
export interface Cost {
  readonly name: string
  readonly each: Quartiles
  /** As a share of what the baseline cost in the same round. */
  readonly share: Quartiles
}

/** How often subjects are measured. */
export interface Rounds {
  readonly warmUp: number
  readonly measured: number
}

/**
 * Measures subjects in turns, whose order changes from round to round, so that a machine's moods
 * hit all alike. The baseline is the last subject.
 */
export async function measureInTurns<Subject extends { readonly name: string }>(
  { warmUp, measured }: Rounds,
  subjectsOf: (round: number) => readonly Subject[],
  costOf: (subject: Subject) => Promise<number>,
): Promise<Cost[]> {
  const rounds: number[][] = []
  for (let round = 0; round < warmUp + measured; round++) {
    rounds.push(await measureRound(round, subjectsOf(round), costOf))
  }
  const counted = rounds.slice(warmUp)
  return subjectsOf(0).map(({ name }, index) => ({
    name,
    each: quartiles(counted.map((costs) => costs[index] as number)),
    share: quartiles(counted.map((costs) => (costs[index] as number) / (costs.at(-1) as number))),
  }))
}

/** The costs in the order of the subjects, whichever came first. */
async function measureRound<Subject>(
  round: number,
  subjects: readonly Subject[],
  costOf: (subject: Subject) => Promise<number>,
): Promise<number[]> {
  const costs: number[] = []
  for (let turn = 0; turn < subjects.length; turn++) {
    const index = (round + turn) % subjects.length
    costs[index] = await costOf(subjects[index] as Subject)
  }
  return costs
}
