import { expect } from 'chai'
import { claim } from '../../../src/resolve/index.ts'
import { codeOf, outcome, rejectedCode, requestOf } from '../../server/resolve/support/requests.ts'
import { thrown } from '../../support/tenants.ts'

interface Context {
  readonly user?: { readonly tenant: string }
}

describe('claim', () => {
  it('names what the function finds in the framework’s own request', () => {
    const resolve = claim((context: Context) => context.user?.tenant)
    expect(outcome(resolve, { raw: { user: { tenant: 'acme' } } })).to.equal('acme')
    expect(outcome(resolve, { raw: {} })).to.equal(null)
  })

  it('gives the function the request too', () => {
    const resolve = claim((_, request) => request.header('authorization')[0] ?? null)
    expect(outcome(resolve, { headers: { authorization: 'acme' } })).to.equal('acme')
  })

  it('waits for a promise', async () => {
    const resolve = claim(async (context: Context) => context.user?.tenant)
    expect(await resolve(requestOf({ raw: { user: { tenant: 'acme' } } }))).to.equal('acme')
    expect(await resolve(requestOf({ raw: {} }))).to.equal(null)
  })

  for (const rubbish of [42, 42n, '', {}, ['acme'], true]) {
    it(`says so where the function gives ${String(rubbish)} of type ${typeof rubbish}`, async () => {
      const gives = rubbish as unknown as string
      expect(
        outcome(
          claim(() => gives),
          {},
        ),
      ).to.equal('ERR_LOOKUP_FAILED')
      expect(await rejectedCode(claim(async () => gives)(requestOf({})))).to.equal(
        'ERR_LOOKUP_FAILED',
      )
    })
  }

  it('says how to give a number', () => {
    const error = thrown(() => claim(() => 42 as unknown as string)(requestOf({})))
    expect(error.message).to.include('type number').and.to.include('String(id)')
  })

  it('lets through what the function throws, such as an answer of the framework', async () => {
    const unauthorised = Object.assign(new Error('no'), { status: 401 })
    const throwing = claim(() => {
      throw unauthorised
    })
    expect(thrown(() => throwing(requestOf({})))).to.equal(unauthorised)
    const rejecting = claim(() => Promise.reject(unauthorised))
    expect(await Promise.resolve(rejecting(requestOf({}))).catch((error) => error)).to.equal(
      unauthorised,
    )
  })

  it('takes a function only', () => {
    expect(codeOf(() => claim('tenant' as never))).to.equal('ERR_OPTION_INVALID')
  })
})
