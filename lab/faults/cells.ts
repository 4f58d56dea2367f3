import {
  ACQUIRE_TIMEOUT,
  CLOSED,
  DESTROYED,
  DESTROYED_RUNNING,
  LOST,
  LOST_BEFORE,
  SHUTDOWN,
  SWITCH_TIMEOUT,
  TIMED_OUT,
  UNREACHABLE,
} from './labels.ts'
import { PHASES, type Phase, type PhaseName } from './phases.ts'
import type { Cell } from './run-cell.ts'
import { SPECIAL_CELLS } from './special-cells.ts'
import { FAULTS, type Fault, type FaultName } from './strikes.ts'

/** The results of a fault in each phase: `must` for at least one call, `may` for the others. */
interface Expectation {
  readonly must: Readonly<Record<PhaseName, readonly string[]>>
  readonly may: readonly string[]
  /** The phases that run in `npm test`, within its time. @defaultValue all */
  readonly quick?: readonly PhaseName[]
}

const ALL = Object.keys(PHASES) as PhaseName[]

const OK = ['ok'] as const

const NO_HARM: Expectation['must'] = {
  connecting: OK,
  idle: OK,
  switch: OK,
  query: OK,
  transaction: OK,
  commitSent: OK,
  commitDone: OK,
  stream: OK,
  cleaning: OK,
  queue: OK,
}

/** The connection ends, and the client sees it. */
const ENDED: Expectation['must'] = {
  ...NO_HARM,
  connecting: [UNREACHABLE],
  switch: LOST_BEFORE,
  query: LOST,
  transaction: [CLOSED, ...LOST_BEFORE, ...LOST],
  commitSent: LOST,
  stream: [...LOST, SHUTDOWN],
  queue: LOST,
}

/** The server sends nothing any more. */
const SILENCE: Expectation['must'] = {
  ...NO_HARM,
  connecting: [UNREACHABLE],
  idle: [TIMED_OUT],
  switch: [SWITCH_TIMEOUT],
  query: [TIMED_OUT],
  transaction: [TIMED_OUT],
  cleaning: [UNREACHABLE, ACQUIRE_TIMEOUT, SWITCH_TIMEOUT],
  queue: [TIMED_OUT],
}

const AFTER_SILENCE = [
  'ok',
  TIMED_OUT,
  SWITCH_TIMEOUT,
  ACQUIRE_TIMEOUT,
  UNREACHABLE,
  ...LOST_BEFORE,
]

const RESTARTED: Expectation = {
  must: {
    ...ENDED,
    switch: [...LOST_BEFORE, SWITCH_TIMEOUT],
    query: [...LOST, TIMED_OUT, SHUTDOWN],
    queue: [...LOST, TIMED_OUT, SHUTDOWN],
  },
  may: ['ok', UNREACHABLE, ACQUIRE_TIMEOUT, TIMED_OUT, SHUTDOWN, ...LOST, ...LOST_BEFORE],
  quick: ['query'],
}

const EXPECTED: Readonly<Record<FaultName, Expectation>> = {
  kill: { must: ENDED, may: ['ok', ...LOST, ...LOST_BEFORE] },
  killQuery: {
    must: {
      ...NO_HARM,
      query: ['ER_QUERY_INTERRUPTED failed'],
      stream: ['ER_QUERY_INTERRUPTED failed'],
      queue: ['ER_QUERY_INTERRUPTED failed'],
    },
    may: OK,
  },
  cut: { must: { ...ENDED, commitDone: LOST }, may: ['ok', ...LOST, ...LOST_BEFORE] },
  reset: { must: { ...ENDED, commitDone: LOST }, may: ['ok', ...LOST, ...LOST_BEFORE] },
  refused: {
    must: { ...ENDED, idle: [UNREACHABLE], commitDone: LOST, cleaning: [UNREACHABLE] },
    may: ['ok', UNREACHABLE, ACQUIRE_TIMEOUT, ...LOST, ...LOST_BEFORE],
    quick: ALL.filter((phase) => phase !== 'queue'),
  },
  blackHole: {
    must: { ...SILENCE, commitSent: LOST, commitDone: LOST, stream: LOST },
    may: AFTER_SILENCE,
    quick: ['connecting', 'switch', 'query'],
  },
  freeze: {
    must: SILENCE,
    may: AFTER_SILENCE,
    quick: ['connecting', 'switch', 'query', 'commitDone'],
  },
  delay: {
    must: NO_HARM,
    may: OK,
    quick: ['idle', 'switch', 'query', 'transaction', 'commitSent', 'commitDone'],
  },
  slice: { must: NO_HARM, may: OK },
  restart: RESTARTED,
  crash: { ...RESTARTED, quick: ['query', 'transaction', 'commitSent'] },
  block: {
    // The proxy is part of the blocked process, so nothing can arrive in time.
    must: {
      ...NO_HARM,
      connecting: [ACQUIRE_TIMEOUT, UNREACHABLE],
      switch: [SWITCH_TIMEOUT, TIMED_OUT],
      query: [TIMED_OUT],
      queue: [TIMED_OUT],
    },
    may: ['ok', ACQUIRE_TIMEOUT],
    quick: [],
  },
  destroy: {
    must: { ...NO_HARM, idle: [DESTROYED], cleaning: [DESTROYED] },
    may: ['ok', DESTROYED],
  },
  destroyNow: {
    must: {
      connecting: [DESTROYED],
      idle: [DESTROYED],
      switch: [DESTROYED],
      query: [DESTROYED_RUNNING],
      transaction: [DESTROYED],
      commitSent: [DESTROYED_RUNNING],
      commitDone: [DESTROYED_RUNNING],
      stream: [DESTROYED_RUNNING],
      cleaning: [DESTROYED],
      queue: [DESTROYED_RUNNING],
    },
    may: [DESTROYED],
    quick: ALL.filter((phase) => !phase.startsWith('commit')),
  },
}

/**
 * Every fault in every phase, and the faults with phases of their own. Combinations without a meaning are
 * left out:
 *
 * - a limit on connections, except when a connection is opened
 * - locks, except when statements run
 * - a read-only server, except when something is written
 * - `wait_timeout`, except when nothing is sent
 * - user code that throws, except when there is an answer for it
 */
export const CELLS: readonly Cell[] = [
  ...(Object.keys(FAULTS) as FaultName[]).flatMap((fault) =>
    ALL.map((phase) => cellOf(fault, phase)),
  ),
  ...SPECIAL_CELLS,
]

function cellOf(faultName: FaultName, phaseName: PhaseName): Cell {
  const fault: Fault = FAULTS[faultName]
  const phase: Phase = PHASES[phaseName]
  const { must, may, quick = ALL } = EXPECTED[faultName]
  return {
    fault: fault.name,
    phase: phase.name,
    must: must[phaseName],
    may,
    isSlow: !quick.includes(phaseName),
    isFinal: fault.isFinal === true,
    run: (stage) => phase.run(stage, () => fault.strike(stage), fault),
  }
}
