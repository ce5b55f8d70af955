/** Files for --web.config.file. */
import { renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { temporaryFolder } from './cleanup.ts'

/** `abc` as a bcrypt hash of the lowest cost. */
export const HASH_OF_ABC = '$2b$04$wp9Bp5cyBDPNiOS7oRQXwuZo22PuzzzB0G/OpJwmg1r0RNv8/s4gi'

/** The value of an Authorization header. */
export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

export interface WebConfigOnDisk {
  readonly file: string
  readonly flag: string
  /** Puts another content there, all at once. */
  replace(content: string): void
}

/** @param content YAML; a file of its own in a folder that is gone after the test */
export function writeWebConfig(content: string): WebConfigOnDisk {
  const file = path.join(temporaryFolder(), 'web.yml')
  writeFileSync(file, content)
  return {
    file,
    flag: `--web.config.file=${file}`,
    replace(next) {
      writeFileSync(`${file}.new`, next)
      renameSync(`${file}.new`, file)
    },
  }
}
