/** Something that whoever runs an example can put right: its message says how. */
export class ExampleError extends Error {}
