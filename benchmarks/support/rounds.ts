import { type Quartiles, quartiles } from './statistics.ts'

/** The cost of one subject of a benchmark. */
export interface Cost {
  readonly name: string
  readonly each: Quartiles
  /** Relative to the baseline's cost in the same round. */
  readonly share: Quartiles
}

/** How often subjects are measured. */
export interface Rounds {
  readonly warmUp: number
  readonly measured: number
}

/**
 * Measures subjects in turns. Their order changes from round to round, so that changes in a machine's speed
 * affect all of them. The baseline is the last subject.
 */
export async function measureInTurns<Subject extends { readonly name: string }>(
  rounds: Rounds,
  subjectsOf: (round: number) => readonly Subject[],
  costOf: (subject: Subject) => Promise<number>,
): Promise<Cost[]> {
  const counted = await takeTurns(rounds, subjectsOf, costOf)
  return subjectsOf(0).map(({ name }, index) => ({
    name,
    each: quartiles(counted.map((costs) => costs[index] as number)),
    share: quartiles(counted.map((costs) => (costs[index] as number) / (costs.at(-1) as number))),
  }))
}

/**
 * Gives each subject a turn in each round. The first turn goes to another subject each time.
 *
 * @returns the results of each round that counts, in the order of the subjects
 */
export async function takeTurns<Subject, Measured>(
  { warmUp, measured }: Rounds,
  subjectsOf: (round: number) => readonly Subject[],
  measure: (subject: Subject, round: number) => Promise<Measured>,
): Promise<Measured[][]> {
  const rounds: Measured[][] = []
  for (let round = 0; round < warmUp + measured; round++) {
    rounds.push(await takeRound(round, subjectsOf(round), measure))
  }
  return rounds.slice(warmUp)
}

/** One round's results in the order of the subjects, independent of the order of turns. */
async function takeRound<Subject, Measured>(
  round: number,
  subjects: readonly Subject[],
  measure: (subject: Subject, round: number) => Promise<Measured>,
): Promise<Measured[]> {
  const results: Measured[] = []
  for (let turn = 0; turn < subjects.length; turn++) {
    const index = (round + turn) % subjects.length
    results[index] = await measure(subjects[index] as Subject, round)
  }
  return results
}
