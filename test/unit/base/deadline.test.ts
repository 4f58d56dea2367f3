import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { waitAtMost, withLimit } from '../../../src/base/deadline.ts'
import { rejection } from '../../support/tenants.ts'

const never = new Promise<never>(() => undefined)

describe('work with a time limit', () => {
  it('gives its own result, and the limit is over with it', async () => {
    let late = 0
    expect(await withLimit(10, Promise.resolve('done'), () => late++)).to.equal('done')
    const error = await rejection(withLimit(10, Promise.reject(new Error('failed')), () => late++))
    expect(error.message).to.equal('failed')
    await sleep(30)
    expect(late).to.equal(0)
  })

  it('is told once that it is late, and may still end as it likes', async () => {
    let late = 0
    const work = sleep(30, 'late')
    expect(await withLimit(1, work, () => late++)).to.equal('late')
    expect(late).to.equal(1)
  })

  it('is waited for no longer than that', async () => {
    await waitAtMost(1, never)
    await waitAtMost(60_000, Promise.resolve())
    const error = await rejection(waitAtMost(60_000, Promise.reject(new Error('failed'))))
    expect(error.message).to.equal('failed')
  })
})
