/* A mocha reporter. It writes one line of JSON at the end of each test, so that a crash loses no results. */
const { appendFileSync } = require('node:fs')
const { relative } = require('node:path')

module.exports = class Lines {
  constructor(runner) {
    runner.on('pass', (test) => write(test, 'passed'))
    runner.on('pending', (test) => write(test, 'skipped'))
    runner.on('fail', (test, error) => write(test, 'failed', error))
    runner.on('test', (test) => {
      running = test
    })
    process.on('unhandledRejection', writeRejection)
  }
}

let running
const seen = new WeakSet()

/** Writes each promise once: mocha passes the event on, so every other listener gets it twice. */
function writeRejection(error, promise) {
  if (seen.has(promise)) return
  seen.add(promise)
  const title = running?.titlePath().join(' > ')
  const line = JSON.stringify({ title, reason: error?.stack ?? String(error) })
  appendFileSync(process.env.KNEX_SUITE_REJECTIONS, `${line}\n`)
}

function write(test, state, error) {
  const file = test.file && relative(process.cwd(), test.file)
  const reason = error && (error.stack ?? String(error))
  append({ file, title: test.titlePath().join(' > '), state, reason })
}

function append(line) {
  appendFileSync(process.env.KNEX_SUITE_RESULTS, `${JSON.stringify(line)}\n`)
}
