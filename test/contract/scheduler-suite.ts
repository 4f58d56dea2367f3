import { expect } from 'chai'
import { Course, type Setting, settingOf } from '../../lab/scheduling/course.ts'
import { limitsOf } from '../../lab/scheduling/loads.ts'
import type { Given, Policy, PolicyLimits } from '../../lab/scheduling/policy.ts'
import { Reference } from '../../lab/scheduling/reference.ts'
import { Scheduled } from '../../lab/scheduling/scheduled.ts'
import { simulate } from '../../lab/scheduling/simulation.ts'
import { type Traffic, visits } from '../../lab/scheduling/traffic.ts'

const VISITS: Omit<Traffic, 'visits'> = { seed: 1, tenants: 1_000, skew: 1, rate: 0.5 }

/** Pools and traffic by what they are about. */
const REPLAYS: Readonly<
  Record<string, { limits: PolicyLimits; traffic: Omit<Traffic, 'visits'> }>
> = {
  'a pool that is mostly idle': {
    limits: limitsOf(20),
    traffic: VISITS,
  },
  'a wide one': {
    limits: limitsOf(50),
    traffic: VISITS,
  },
  'tenants that are all alike': {
    limits: limitsOf(20),
    traffic: { ...VISITS, skew: 0 },
  },
  'more work than it can do': {
    limits: { ...limitsOf(6), maxWaitingPerTenant: 50 },
    traffic: { ...VISITS, tenants: 20 },
  },
  'single queries': {
    limits: limitsOf(10),
    traffic: { ...VISITS, rate: 8, isSingle: true },
  },
}

interface Replay {
  readonly switches: number
  readonly mostOpen: number
  /** Who got which connection, in that order. */
  readonly log: readonly Given[]
}

function replay(policy: Policy, traffic: Traffic): Replay {
  const log: Given[] = []
  const { switches, mostOpen } = simulate(policy, visits(traffic), log)
  return { switches, mostOpen, log }
}

/**
 * What the scheduler keeps to in any course of events.
 *
 * @param courses how many are tried, for each of the claims
 */
export function describeCourses(courses: number): void {
  describe('any course of events', function () {
    this.timeout(120_000)
    const forEachCourse = (check: CourseCheck) => checkCourses(courses, check)
    const forEachStep = (check: StepCheck) => checkSteps(courses, check)

    it('hands out as the rules say, word by word', () => {
      forEachCourse((setting) => {
        const [ours, theirs] = [new Scheduled(setting), new Reference(setting)].map((policy) => {
          const course = new Course(policy, setting)
          return Array.from({ length: setting.steps }, () => {
            const given = course.step()
            return { given, counts: [policy.connecting, policy.open, policy.idle, policy.waiting] }
          })
        })
        if (JSON.stringify(ours) !== JSON.stringify(theirs)) expect(ours).to.deep.equal(theirs)
      })
    })

    it('hands no connection out twice and opens none too many', () => {
      forEachStep(({ max }, { open, connecting }) => {
        if (open + connecting > max) throw new Error(`${open} + ${connecting} of ${max}`)
      })
    })

    it('leaves no connection idle that somebody may have', () => {
      forEachStep(({ maxPerTenant }, { idle }, { held, waiting, databases }) => {
        if (idle === 0 || waiting.length === 0) return
        const holders = [...held.values()].map(({ id }) => databases.get(id))
        for (const id of waiting) {
          const own = holders.filter((database) => database === databases.get(id)).length
          if (own < Math.min(2, maxPerTenant))
            throw new Error(`${id} waits, and its tenant holds ${own}`)
        }
      })
    })

    it('serves each tenant in the order in which it came', () => {
      forEachStep((_setting, _policy, { databases, waiting }, given) => {
        for (const { id } of given) {
          const isAhead = (other: number) =>
            other < id && databases.get(other) === databases.get(id)
          if (waiting.some(isAhead)) throw new Error(`${id} was served before its turn`)
        }
      })
    })

    it('passes nobody over more than eight times for the database a connection is in', () => {
      let most = 0
      forEachStep((_setting, { scheduler }, { now }) => {
        most = Math.max(most, scheduler.head(now)?.bypassed ?? 0)
      })
      expect(most).to.equal(8)
    })

    it('lets nobody wait for ever: nine hand-outs at most for each who is ahead', () => {
      forEachCourse(({ max, ...given }) => {
        const setting = { ...given, max, maxPerTenant: max, maxWaitingPerTenant: 4 * max }
        const course = new Course(new Scheduled(setting), setting)
        const latest = new Map<number, number>()
        for (let step = 0, served = 0; step < setting.steps; step++) {
          served += course.step().length
          course.waiting.forEach((id, index) => {
            // Each of those who hold one now may yet give it back, and take its place again.
            const ahead = index + 2 + max
            if (!latest.has(id)) latest.set(id, served + 9 * ahead)
            if (served > (latest.get(id) as number)) throw new Error(`${id} still waits`)
          })
        }
      })
    })

    it('serves everyone in the end, whatever the limits, and forgets all tenants with them', () => {
      forEachCourse((setting) => {
        const policy = new Scheduled(setting)
        const course = new Course(policy, setting)
        for (let step = 0; step < setting.steps; step++) course.step()
        course.finish()
        if (policy.scheduler.tenants > policy.idle) throw new Error('a tenant is not forgotten')
      })
    })
  })
}

/**
 * The scheduler does in long traffic what its rules say, word by word.
 *
 * @param count how many visits there are
 */
export function describeReplays(count: number): void {
  describe('the same visits over the scheduler and over the rules, word by word', () => {
    for (const [title, { limits, traffic }] of Object.entries(REPLAYS)) {
      it(`make the same switches on the same connections: ${title}`, () => {
        const part = { ...traffic, visits: (traffic.isSingle ? 10 : 1) * count }
        const ours = replay(new Scheduled(limits), part)
        const theirs = replay(new Reference(limits), part)
        expect(ours.switches).to.equal(theirs.switches)
        expect(ours.mostOpen).to.equal(theirs.mostOpen)
        expect(ours.log.length).to.be.greaterThan((5_000 / 600) * count)
        expect(JSON.stringify(ours.log)).to.equal(JSON.stringify(theirs.log))
      })
    }
  })
}

type CourseCheck = (setting: Setting) => void

function checkCourses(courses: number, check: CourseCheck): void {
  for (let seed = 1; seed <= courses; seed++) {
    try {
      check(settingOf(seed))
    } catch (error) {
      if (error instanceof Error) error.message = `seed ${seed}: ${error.message}`
      throw error
    }
  }
}

type StepCheck = (
  setting: Setting,
  policy: Scheduled,
  course: Course,
  given: readonly Given[],
) => void

function checkSteps(courses: number, check: StepCheck): void {
  checkCourses(courses, (setting) => {
    const policy = new Scheduled(setting)
    const course = new Course(policy, setting)
    for (let step = 0; step < setting.steps; step++) check(setting, policy, course, course.step())
  })
}
