/** What the errors of a Redis mean for a gateway. */
import { StoreError } from '../errors.ts'

export type Trouble =
  /** The script is not known there (any more): nothing was done. */
  | 'unknown script'
  /** Nothing was done; this server may be able to do it soon. */
  | 'again'
  /** The same, but another one may have taken over. */
  | 'refused for now'
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
  /** The server said something else: who knows. */
  | 'other'
  /** Not a matter of the server at all: a mistake of ours. */
  | 'fault'

const BY_CODE: Readonly<Record<string, Trouble>> = {
  NOSCRIPT: 'unknown script',
  LOADING: 'again',
  BUSY: 'again',
  TRYAGAIN: 'again',
  ASK: 'again',
  UNKILLABLE: 'again',
  NOREPLICAS: 'refused for now',
  CLUSTERDOWN: 'refused for now',
  MISCONF: 'read only',
  READONLY: 'elsewhere',
  MASTERDOWN: 'elsewhere',
  MOVED: 'elsewhere',
  UNBLOCKED: 'elsewhere',
  OOM: 'full',
  NOAUTH: 'unusable',
  WRONGPASS: 'unusable',
  NOPERM: 'unusable',
  WRONGTYPE: 'corrupt',
}

/** Where the code stands further behind, or there is none. Redis 7.0, 7.2 and Valkey 8 each say it their way. */
const BY_TEXT: readonly (readonly [RegExp, Trouble])[] = [
  [/ACL failure in script|The user executing the script|\bNOPERM\b/, 'unusable'],
  [
    /invalid (?:username-password|password)|AUTH|DB index is out of range|SELECT is not allowed/i,
    'unusable',
  ],
  [/cluster support disabled/, 'unusable'],
  [/WAIT cannot be used with replica/, 'elsewhere'],
  [/\bOOM command not allowed/, 'full'],
  [/WRONGTYPE/, 'corrupt'],
]

/** Sorts out what a call of ioredis threw. */
export function troubleOf(error: unknown): Trouble {
  if (!(error instanceof Error)) return 'fault'
  const { name, message } = error
  if (name === 'ReplyError') {
    const [code = ''] = message.split(' ', 1)
    return BY_CODE[code] ?? BY_TEXT.find(([pattern]) => pattern.test(message))?.[1] ?? 'other'
  }
  if (message.startsWith("Stream isn't writeable")) return 'not sent'
  const isOurs = error instanceof TypeError || error instanceof RangeError
  return isOurs ? 'fault' : 'lost'
}

/** The StoreError for a trouble that trying again does not help, or not in time. */
export function storeErrorOf(trouble: Trouble, shownUrl: string, error: unknown): StoreError {
  const message = error instanceof Error ? error.message : String(error)
  // No cause: an error of ioredis carries the command that it answers, and that may be AUTH.
  const say = (text: string): string => `${shownUrl}: ${text} (${message})`
  switch (trouble) {
    case 'full':
      return new StoreError('full', say('no room for this push'))
    case 'unusable':
      return new StoreError('unusable', say('access is refused'))
    case 'corrupt':
      return new StoreError('corrupt', say('a key holds what is not ours'))
    default:
      return new StoreError('unavailable', say('the store did not take it'))
  }
}

/** The StoreError for what a script says is wrong with the store; the key of a group in it has lengths among its text. */
export function damageOf(shownUrl: string, why: unknown): StoreError {
  const text = String(why).replace(/\p{Cc}+/gu, ' ')
  return new StoreError('corrupt', `${shownUrl}: ${text}`)
}
