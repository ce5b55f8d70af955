/** Storage URLs as they may be shown: without the password that they can hold. */

/**
 * Replaces the password of `scheme://user:password@…` by `***`; everything else stays. A password may hold what should
 * have been encoded, so all up to the last `@` is taken for part of it: rather too much is hidden than too little.
 */
export function redactUrl(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/[^:/?#@]*):.*@/is, '$1:***@')
}

/** The words of a command line, each URL among them, or behind the name of a flag, without its password. */
export function redactArguments(argv: readonly string[]): string[] {
  return argv.map((word) => {
    const [, flag = '', value = ''] = /^(--?[a-z][a-z0-9.-]*=)?(.*)$/is.exec(word)!
    return flag + redactUrl(value)
  })
}
