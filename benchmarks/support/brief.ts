/**
 * True with `--brief`. A benchmark then runs for correctness only: from the sources, in seconds, without
 * writing results.
 */
export const isBrief: boolean = process.argv.includes('--brief')
