/** Inserts an item. At the end, which is the usual place, it moves nothing. */
export function insertAt<T>(items: T[], at: number, item: T): void {
  if (at === items.length) items.push(item)
  else items.splice(at, 0, item)
}

/** Removes an item. At either end, which are the usual places, it moves nothing. */
export function removeAt<T>(items: T[], at: number): void {
  if (at === 0) items.shift()
  else if (at === items.length - 1) items.pop()
  else items.splice(at, 1)
}
