const LOOK_MILLIS = 250

/**
 * Calls a function once when the parent process is gone: npm's shell and tsx die of some signals without
 * passing them on.
 */
export function watchParent(onGone: () => void): void {
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    onGone()
  }, LOOK_MILLIS).unref()
}
