/**
 * True with `--brief`: a benchmark then runs for correctness, on the sources as they are, in seconds,
 * and writes no result.
 */
export const isBrief: boolean = process.argv.includes('--brief')
