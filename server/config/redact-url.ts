/** Storage URLs as they may be shown: without the password that they can hold. */

/**
 * Replaces the password of `scheme://user:password@…` by `***`; everything else stays. A password may hold what should
 * have been encoded, so all up to the last `@` is taken for part of it: rather too much is hidden than too little.
 */
export function redactUrl(url: string): string {
  return url.replace(WITH_PASSWORD, '$1:***@')
}

const WITH_PASSWORD = /^([a-z][a-z0-9+.-]*:\/\/[^:/?#@]*):(.*)@/is
/** What stands behind a host rather than behind a user, where an `@` comes later by chance. */
const PORT = /^\d{1,5}(?:[,/?#]|$)/

/**
 * Whether the password in a URL ends it too early, or cannot be decoded. Whoever parses such a URL would take pieces of
 * the password for something else, and name them in what it says.
 */
export function hasUnreadablePassword(url: string): boolean {
  const password = WITH_PASSWORD.exec(url)?.[2] ?? ''
  return !PORT.test(password) && (/[/?#]/.test(password) || /%(?![0-9a-f]{2})/i.test(password))
}

/** The words of a command line, each URL among them, or behind the name of a flag, without its password. */
export function redactArguments(argv: readonly string[]): string[] {
  return argv.map((word) => {
    const [, flag = '', value = ''] = /^(--?[a-z][a-z0-9.-]*=)?(.*)$/is.exec(word)!
    return flag + redactUrl(value)
  })
}
