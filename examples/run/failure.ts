/** An error that the user of an example can fix: its message says how. */
export class ExampleError extends Error {}
