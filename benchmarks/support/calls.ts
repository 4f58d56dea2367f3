import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** The calls that one process offers to another. Arguments and results are plain data. */
export type Calls = Readonly<Record<string, (argument: never) => Promise<unknown>>>

interface Call {
  readonly name: string
  readonly argument: unknown
}

type Answer = { readonly value: unknown } | { readonly error: string }

/** A process that answers one call at a time. */
export interface Answerer<Offered extends Calls> {
  call<Name extends keyof Offered & string>(
    name: Name,
    ...argument: Parameters<Offered[Name]>
  ): Promise<Awaited<ReturnType<Offered[Name]>>>
  /** Lets the process end. */
  end(): Promise<void>
}

/** Starts a process from a file of this folder that calls {@link answerCalls}. */
export function startAnswerer<Offered extends Calls>(
  file: string,
  flags: readonly string[],
): Answerer<Offered> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), flags, {
    execArgv: ['--expose-gc', '--import', 'tsx'],
    serialization: 'advanced',
  })
  const ended = once(child, 'exit').then(([code]) => code as number | null)
  return {
    call: (name, argument?: unknown) => ask(child, ended, { name, argument }) as never,
    async end() {
      if (child.connected) child.disconnect()
      await ended
    },
  }
}

async function ask(
  child: ChildProcess,
  ended: Promise<number | null>,
  call: Call,
): Promise<unknown> {
  child.send(call)
  const answer = await Promise.race([
    once(child, 'message').then(([message]) => message as Answer),
    ended.then((code): Answer => ({ error: `The process ended with ${code}.` })),
  ])
  if ('error' in answer) throw new Error(`${call.name}: ${answer.error}`)
  return answer.value
}

/** Answers the calls of the parent process, until the parent lets this one end. */
export function answerCalls(calls: Calls): void {
  process.on('message', async ({ name, argument }: Call) => {
    process.send?.(await answer(calls, name, argument))
  })
  process.on('disconnect', () => process.exit())
}

async function answer(calls: Calls, name: string, argument: unknown): Promise<Answer> {
  try {
    return { value: await calls[name]?.(argument as never) }
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}
