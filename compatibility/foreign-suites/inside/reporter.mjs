/* A reporter for Node's own test runner: one line of JSON for each test. */
export default async function* lines(events) {
  for await (const { type, data } of events) {
    // Node reports a file as a test with the file's name.
    if (!['test:pass', 'test:fail'].includes(type) || data.details?.type === 'suite') continue
    const state = data.skip ? 'skipped' : type === 'test:pass' ? 'passed' : 'failed'
    const reason = data.details?.error?.stack
    yield `${JSON.stringify({ title: data.name, state, ...(reason && { reason }) })}\n`
  }
}
