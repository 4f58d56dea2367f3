import type { HeapProfiler, Profiler } from 'node:inspector'
import { Session } from 'node:inspector/promises'
import type { Seen } from './turn.ts'

/** The raw results of a profiled process. */
export interface Profile {
  readonly cpu: Profiler.Profile
  /** The number of statements while the processor was profiled. */
  readonly cpuOperations: number
  readonly heap: HeapProfiler.SamplingHeapProfile
  /** The same for the heap, which is profiled in a run of its own. */
  readonly heapOperations: number
}

/** How often the processor is sampled, in microseconds. */
const CPU_INTERVAL_MICROS = 100

/** One allocation in this many bytes is recorded, on average. */
const HEAP_INTERVAL_BYTES = 4_096

/** Runs a load twice in this process: with a profile of the processor, and with one of the heap. */
export async function profileOf(run: () => Promise<Seen>): Promise<Profile> {
  const session = new Session()
  session.connect()
  try {
    const [cpu, cpuOperations] = await profileCpu(session, run)
    const [heap, heapOperations] = await profileHeap(session, run)
    return { cpu, cpuOperations, heap, heapOperations }
  } finally {
    session.disconnect()
  }
}

async function profileCpu(
  session: Session,
  run: () => Promise<Seen>,
): Promise<[Profiler.Profile, number]> {
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: CPU_INTERVAL_MICROS })
  await session.post('Profiler.start')
  const { operations } = await run()
  const { profile } = await session.post('Profiler.stop')
  return [profile, operations]
}

/** It counts all allocations, because those that are collected meanwhile are included. */
async function profileHeap(
  session: Session,
  run: () => Promise<Seen>,
): Promise<[HeapProfiler.SamplingHeapProfile, number]> {
  await session.post('HeapProfiler.startSampling', {
    samplingInterval: HEAP_INTERVAL_BYTES,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  })
  const { operations } = await run()
  const { profile } = await session.post('HeapProfiler.stopSampling')
  return [profile, operations]
}
