import { pick, type Random } from '../../src/testing/random.ts'

/** A statement's text with placeholders, and its values. */
export interface Text {
  readonly sql: string
  readonly values: readonly unknown[]
}

const TOKEN = /`(?:[^`]|``)*`|\w+|\s+|\S/g
const NAME = /`(?:[^`]|``)*`/g
const WORDS =
  `select from where join inner left right cross natural on using ( ) , . ? * = as union all with recursive
  insert into values set update delete for lock order by group having limit offset distinct not in exists is null
  key duplicate ignore share mode skip locked nowait of and or like between 1 2 .5 5. - % count( sum( max(`.split(
    /\s+/,
  )
const NAMES = ['`events`', '`files`', '`items`', '`order`', '`id`', '`n`', '`x`', '`offset`']
/** Some bring in a table. Some only look so, and some do not look so. */
const PHRASES = [
  ', `files`',
  ' join `files`',
  ' join `files` using (`id`)',
  ' cross join (`files`)',
  ' cross join ((`files`))',
  ' cross join ((select 1 as `i`) as `j`, `files`)',
  ' natural join `files`',
  ' join `files` on values(`id`) is null, `events`',
  ' where?, `files`',
  ' limit?, `files`',
  ' as `x`',
  ' `x`',
  ' offset',
  ' using (`files`, `events`)',
  ' using (`id`)',
  ' union select * from `events`',
  ' union (select * from `events`)',
  ' for update, `events`',
  ' order by (select max(`id`) from `files`)',
  ' set `n` = (select max(`n`) from `files`)',
  ' on duplicate key update `n` = (select max(`id`) from `files`)',
  '(select `id` from `events`)',
  ' (select * from `events`)',
  '(with `events` as (select * from `files`) select `id` from `events`)',
  'with `events` as (select 1 as `id`) ',
  'with `files` as (select * from `items`), `events` as (select * from `files`) ',
  ' on ?.where, `files`',
  ' on offset.`id`, `files`',
]
const VALUES = [1, 5, -1, 'k1', '`', ', `events`', true, null, Number.NaN, 1e21, '1 from `events`']

/** A text that is like another one, but with a few changes. */
export function mutate({ sql, values }: Text, random: Random): Text {
  const tokens = sql.match(TOKEN) ?? []
  const at = (): number => Math.floor(random() * (tokens.length + 1))
  for (let count = 1 + Math.floor(random() * 3); count > 0; count--) {
    const chance = random()
    if (chance < 0.35) tokens.splice(at(), 0, pick(random, PHRASES))
    else if (chance < 0.5) tokens.splice(at(), 0, pick(random, WORDS))
    else if (chance < 0.6) tokens.splice(at(), 0, pick(random, NAMES))
    else if (chance < 0.7) tokens.splice(at(), 1)
    else if (chance < 0.8) tokens.splice(at(), 1, pick(random, [...WORDS, ...NAMES]))
    else if (chance < 0.9) enclose(tokens, random)
    else tokens.splice(at(), 0, tokens[at()] ?? '')
  }
  const mutated = tokens.join('')
  const holes = mutated.replace(NAME, '').split('?').length - 1
  const filled = Array.from({ length: holes }, (_, index) =>
    index < values.length && random() < 0.7 ? values[index] : pick(random, VALUES),
  )
  return { sql: mutated, values: filled }
}

/** Puts a part into parentheses. */
function enclose(tokens: string[], random: Random): void {
  const from = Math.floor(random() * tokens.length)
  const to = from + Math.floor(random() * Math.min(12, tokens.length - from)) + 1
  tokens.splice(to, 0, ')')
  tokens.splice(from, 0, '(')
}
