import type { WorldLimits } from './world.ts'

/**
 * The default: one tenant after another, one statement each, and no faults. Other worlds state their
 * differences.
 */
const PLAIN: WorldLimits = {
  connections: 1,
  users: [0, 1],
  visits: 1,
  statements: 1,
  waiting: 0,
  kinds: ['select'],
  misuses: false,
  faults: 1,
}

/** Worlds that are small enough to be explored completely, by topic. */
export const SMALL: Readonly<Record<string, WorldLimits>> = {
  'two tenants on one connection, and two things that go wrong': { ...PLAIN, faults: 2 },
  'transactions that are begun': { ...PLAIN, kinds: ['BEGIN'], statements: 2 },
  'transactions that are ended': { ...PLAIN, kinds: ['BEGIN', 'ROLLBACK'] },
  streams: { ...PLAIN, kinds: ['stream'], statements: 2 },
  'statements queued behind others, and leases used after their end': {
    ...PLAIN,
    statements: 2,
    waiting: 1,
    misuses: true,
  },
  'two tenants on two connections': { ...PLAIN, connections: 2 },
  'statements in one write with their switch': { ...PLAIN, switching: 'pipelined' },
  'transactions and streams in one write with their switch': {
    ...PLAIN,
    kinds: ['BEGIN', 'stream'],
    switching: 'pipelined',
  },
  'statements of one holder, whose database is refused after an error': {
    ...PLAIN,
    users: [0],
    kinds: ['BEGIN'],
    statements: 4,
    faults: 2,
    switching: 'pipelined',
  },
  'a server that does not name databases': { ...PLAIN, isTracked: false },
  'self-contained and raw statements of two tenants': {
    ...PLAIN,
    qualifies: true,
    uses: ['query', 'statements'],
    kinds: ['insert', 'select'],
  },
  'transactions of self-contained and raw statements': {
    ...PLAIN,
    qualifies: true,
    switching: 'pipelined',
    uses: ['query', 'transaction'],
    kinds: ['BEGIN', 'insert'],
    statements: 2,
  },
  'self-contained statements, and code that comes': {
    ...PLAIN,
    qualifies: true,
    uses: ['query', 'statements'],
    kinds: ['built', 'define'],
  },
  'cleaning at every release': { ...PLAIN, clean: 'always' },
}

/** Larger worlds, which take minutes to hours. */
export const LARGE: Readonly<Record<string, WorldLimits>> = {
  'whole transactions': { ...PLAIN, kinds: ['BEGIN', 'COMMIT', 'ROLLBACK'], statements: 2 },
  'streams and other statements that wait': {
    ...PLAIN,
    kinds: ['stream', 'select'],
    statements: 2,
    waiting: 1,
  },
  'two visits each, and two things that go wrong': { ...PLAIN, visits: 2, faults: 2 },
  'every kind of statement': {
    ...PLAIN,
    kinds: ['select', 'stream', 'BEGIN', 'COMMIT', 'ROLLBACK'],
    statements: 2,
    waiting: 1,
    misuses: true,
  },
  'self-contained statements, and others after them': {
    ...PLAIN,
    qualifies: true,
    uses: ['query', 'statements'],
    kinds: ['insert', 'select'],
    users: [0, 1, 1],
  },
  'transactions of self-contained and other statements': {
    ...PLAIN,
    qualifies: true,
    switching: 'pipelined',
    uses: ['query', 'transaction'],
    kinds: ['BEGIN', 'insert', 'select', 'COMMIT'],
    statements: 4,
  },
  'self-contained statements, and code that comes and goes': {
    ...PLAIN,
    qualifies: true,
    connections: 2,
    uses: ['query', 'session'],
    kinds: ['built', 'insert', 'define'],
  },
  'three users of two tenants on two connections': {
    ...PLAIN,
    connections: 2,
    users: [0, 1, 0],
  },
  'four users of three tenants on three connections': {
    ...PLAIN,
    connections: 3,
    users: [0, 1, 2, 0],
    misuses: true,
  },
}

/** A world that is too large to be explored completely, for random paths. */
export const VAST: WorldLimits = {
  connections: 3,
  users: [0, 1, 2, 0],
  visits: 40,
  statements: 5,
  waiting: 2,
  kinds: ['select', 'stream', 'BEGIN', 'COMMIT', 'ROLLBACK'],
  misuses: true,
  faults: Number.POSITIVE_INFINITY,
}

/** With self-contained statements, and transactions of Knex. */
const QUALIFIED: Partial<WorldLimits> = {
  qualifies: true,
  uses: ['query', 'query', 'statements', 'transaction'],
  kinds: ['select', 'BEGIN', 'COMMIT', 'ROLLBACK', 'built', 'insert'],
}

/** And with hidden code, and connections that user code holds. */
const WITH_CODE: Partial<WorldLimits> = {
  ...QUALIFIED,
  uses: ['query', 'statements', 'transaction', 'session'],
  kinds: ['select', 'stream', 'BEGIN', 'COMMIT', 'ROLLBACK', 'built', 'insert', 'define', 'drop'],
}

/** Variants of it with fewer connections than users, and with settings that are not the default. */
export const VARIANTS: readonly WorldLimits[] = [
  VAST,
  { ...VAST, connections: 2 },
  { ...VAST, connections: 1, users: [0, 1, 2] },
  { ...VAST, isTracked: false },
  { ...VAST, clean: 'always' },
  { ...VAST, switching: 'pipelined' },
  { ...VAST, switching: 'pipelined', connections: 1, users: [0, 1, 2] },
  { ...VAST, ...QUALIFIED, connections: 1, users: [0, 1, 2] },
  { ...VAST, ...QUALIFIED, connections: 2, switching: 'pipelined' },
  { ...VAST, ...WITH_CODE },
  { ...VAST, ...WITH_CODE, connections: 2, switching: 'pipelined' },
  { ...VAST, maxPerTenant: 1, users: [0, 1, 0, 0, 1] },
]
