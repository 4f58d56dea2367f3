import { words } from '../../base/words.ts'

/*
 * Tells from the text of a default or of a generated column, as the server prints it, that it neither
 * reads nor writes its session. In doubt it does.
 */

/**
 * A string, with what can stand before it, or a name. Both servers print quotes and backslashes in a string
 * escaped. They are read together, from left to right, because each may contain the quotes of the other.
 */
const STRING_OR_NAME = /(?:\b_[a-z\d]+\s*)?(?:\b[bnx])?'(?:[^'\\]|''|\\.)*'|`(?:[^`]|``)*`/gis
const NUMBER = /\b(?:0x[\da-f]+|\d+(?:\.\d*)?(?:e[-+]?\d+)?)\b/gi
const CHARACTER_SET = /\b(charset|set|collate|using)\s+[a-z\d_]+/gi
/** Replaces a string, a name or a number. No word or call can begin there. */
const VALUE = '?'
/** A sign of a variable, of a comment, or of another database's name; also a quote that is left over. */
const UNKNOWN_SIGN = /[^ \t\r\na-z\d_?,()=<>!+\-*/%&|^~]|--|\/\*/i
const CALL_OF_NAME = /\?\s*\(/
/** With the parenthesis behind it, if any: it is a call then. */
const WORD = /[a-z_][a-z\d_]*(?:\s*\()?/gi

const FUNCTIONS = words(
  `abs acos adddate addtime ascii asin atan atan2 bin bin_to_uuid bit_count bit_length cast ceil ceiling
  char char_length character_length chr coalesce concat concat_ws conv convert convert_tz cos cot crc32 curdate
  current_date current_time current_timestamp curtime date date_add date_format date_sub datediff day
  dayname dayofmonth dayofweek dayofyear degrees elt exp export_set extract field find_in_set floor format
  from_base64 from_days from_unixtime greatest hex hour if ifnull inet6_aton inet6_ntoa inet_aton inet_ntoa
  insert instr is_uuid isnull json_array json_compact json_contains json_contains_path
  json_depth json_detailed json_exists json_extract json_insert json_keys json_length json_loose json_merge
  json_merge_patch json_merge_preserve json_object json_overlaps json_pretty json_query json_quote
  json_remove json_replace json_search json_set json_type json_unquote json_valid json_value last_day lcase
  least left length ln localtime localtimestamp locate log log10 log2 lower lpad ltrim makedate maketime
  md5 microsecond mid minute mod month monthname now nullif oct octet_length ord pi position pow power
  quarter quote radians regexp_instr regexp_like regexp_replace regexp_substr repeat replace reverse right
  round rpad rtrim second sec_to_time sha sha1 sha2 sign sin space sqrt str_to_date strcmp subdate substr
  substring substring_index subtime sysdate tan time time_format time_to_sec timediff timestamp
  timestampadd timestampdiff to_base64 to_days to_seconds trim truncate ucase unhex unix_timestamp upper
  utc_date utc_time utc_timestamp uuid uuid_short uuid_to_bin week weekday weekofyear xor year yearweek`,
)
const KEYWORDS = words(
  `all and as asc ascii array between binary both by case char charset character collate date datetime day
  day_hour day_microsecond day_minute day_second decimal desc div double else end escape false float for
  from hour hour_microsecond hour_minute hour_second in int integer interval is json leading like microsecond
  minute minute_microsecond minute_second mod month nchar not null or quarter real regexp rlike row second
  second_microsecond separator set signed start system then time trailing true unknown unsigned using when
  week xor year year_month`,
)
/** Reserved words and types, so no function's name, that a parenthesis may follow. */
const BEFORE_PARENTHESIS = words(
  'and as between binary case char datetime decimal double div else float from in interval is like mod not or regexp ' +
    'rlike then using when xor',
)

const KNOWN = new Set([
  ...KEYWORDS,
  'current_date',
  'current_timestamp',
  'end',
  ...[...FUNCTIONS, ...BEFORE_PARENTHESIS].map((word) => `${word}(`),
])

/** True for an expression that gives the same in every session, apart from time and chance. */
export function isPureExpression(expression: string): boolean {
  const text = expression
    .replace(STRING_OR_NAME, VALUE)
    .replace(CHARACTER_SET, '$1')
    .replace(NUMBER, VALUE)
  if (UNKNOWN_SIGN.test(text) || CALL_OF_NAME.test(text)) return false
  return (text.match(WORD) ?? []).every((word) => KNOWN.has(word.replace(/\s/g, '').toLowerCase()))
}

/** Undoes MySQL's second escaping of the quotes and backslashes in an expression. */
export function unescapeOnce(text: string): string {
  return text.replace(/\\(.)/gs, '$1')
}
