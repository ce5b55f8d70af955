/** What the tests use of snappyjs, which has no types of its own. */
declare module 'snappyjs' {
  /** One block in snappy's raw format. */
  export function compress(block: Buffer): Buffer
}
