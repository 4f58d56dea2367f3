import { Presets, SingleBar } from 'cli-progress'

/** Shows the progress of some work: a bar on a terminal, otherwise a line every two seconds. */
export async function withProgress<T>(
  title: string,
  total: number,
  work: (advance: (steps?: number) => void) => Promise<T>,
): Promise<T> {
  const format = `${title.padEnd(32)} {bar} {percentage} %, {duration} s`
  const bar = new SingleBar({ format, noTTYOutput: true, barsize: 30 }, Presets.shades_classic)
  bar.start(total, 0)
  try {
    return await work((steps = 1) => bar.increment(steps))
  } finally {
    bar.stop()
  }
}
