import { NotUnderstood } from './tokens.ts'

/** The names of common table expressions that a query can see. */
export type Visible = readonly string[]

const ASCII = /^[\x20-\x7e]*$/

/**
 * True for a name that is in a list. Servers differ in whether case and accents count, so a name that may be
 * in the list is not understood.
 */
export function isAmong(name: string, list: Visible): boolean {
  if (list.length === 0) return false
  if (list.includes(name)) return true
  const lower = name.toLowerCase()
  const isUnsure = !ASCII.test(name) || list.some((one) => one.toLowerCase() === lower)
  if (isUnsure || !list.every((one) => ASCII.test(one))) throw new NotUnderstood()
  return false
}
