/** What the errors of a Redis mean for a gateway. */
import { StoreError } from '../errors.ts'

export type Trouble =
  /** The script is not known there (any more): nothing was done. */
  | 'unknown script'
  /** Nothing was done; this server may be able to do it soon. */
  | 'again'
  /** Nothing was done; another server has to be looked for. */
  | 'elsewhere'
  /** The primary refuses writes, though not reads. Nothing was done. */
  | 'read only'
  | 'full'
  /** Not allowed, or not with what is configured. */
  | 'unusable'
  | 'corrupt'
  /** The call was not sent. */
  | 'not sent'
  /** The connection ended before the reply: who knows. */
  | 'lost'
  | 'other'

const BY_CODE: Readonly<Record<string, Trouble>> = {
  NOSCRIPT: 'unknown script',
  LOADING: 'again',
  BUSY: 'again',
  TRYAGAIN: 'again',
  CLUSTERDOWN: 'again',
  NOREPLICAS: 'again',
  UNKILLABLE: 'again',
  MISCONF: 'read only',
  READONLY: 'elsewhere',
  MASTERDOWN: 'elsewhere',
  MOVED: 'elsewhere',
  ASK: 'again',
  OOM: 'full',
  NOAUTH: 'unusable',
  WRONGPASS: 'unusable',
  NOPERM: 'unusable',
  WRONGTYPE: 'corrupt',
}

/** Sorts out what a call of ioredis threw. */
export function troubleOf(error: unknown): Trouble {
  const { name, message } = error as Error
  if (name !== 'ReplyError') {
    return message.startsWith("Stream isn't writeable") ? 'not sent' : 'lost'
  }
  const [code = ''] = message.split(' ', 1)
  const known = BY_CODE[code]
  if (known !== undefined) return known
  // A command inside a script that is not allowed; the code stands further behind then.
  if (message.includes('NOPERM') || message.includes("can't run this command or subcommand"))
    return 'unusable'
  if (/invalid (?:username-password|password)|AUTH/i.test(message)) return 'unusable'
  return message.includes('WRONGTYPE') ? 'corrupt' : 'other'
}

/** The StoreError for a trouble that trying again does not help, or not in time. */
export function storeErrorOf(trouble: Trouble, shownUrl: string, error: unknown): StoreError {
  const message = error instanceof Error ? error.message : String(error)
  const say = (text: string): string => `${shownUrl}: ${text} (${message})`
  const options = { cause: error }
  switch (trouble) {
    case 'full':
      return new StoreError('full', say('no room for this push'), options)
    case 'unusable':
      return new StoreError('unusable', say('access is refused'), options)
    case 'corrupt':
      return new StoreError('corrupt', say('a key holds what is not ours'), options)
    default:
      return new StoreError('unavailable', say('the store did not take it'), options)
  }
}
