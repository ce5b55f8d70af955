/** What the keys of a store are called. The braces make all of them lie in one slot of a cluster. */

export interface Keys {
  readonly store: string
  readonly claims: string
  readonly partitions: string
  readonly changes: string
  readonly tombstones: string
  readonly nonces: string
  /** What stands before the key of a group. */
  readonly groups: Buffer
  /** A hash, a sorted set and a string to try rights on. */
  readonly probe: readonly [string, string, string]
}

export function keysOf(prefix: string): Keys {
  const key = (name: string): string => `{${prefix}}:${name}`
  return {
    store: key('store'),
    claims: key('claims'),
    partitions: key('partitions'),
    changes: key('changes'),
    tombstones: key('tombstones'),
    nonces: key('nonces'),
    groups: Buffer.from(key('group:')),
    probe: [key('probe:hash'), key('probe:zset'), key('probe:string')],
  }
}
