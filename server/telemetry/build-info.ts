/** Which program this is. */
import { readFileSync } from 'node:fs'
import path from 'node:path'

/** In the keys of the original's status API; `goVersion` names our runtime. */
export interface BuildInfo {
  readonly version: string
  readonly revision: string
  readonly branch: string
  readonly buildUser: string
  readonly buildDate: string
  readonly goVersion: string
}

/** Reads the version from package.json. */
export function readBuildInfo(): BuildInfo {
  return {
    version: packageVersion(),
    revision: 'unknown',
    branch: 'unknown',
    buildUser: 'unknown',
    buildDate: 'unknown',
    goVersion: `node ${process.version}`,
  }
}

/** package.json is two folders up in the sources and three in dist/. */
function packageVersion(): string {
  for (const up of ['../..', '../../..']) {
    try {
      const text = readFileSync(path.join(import.meta.dirname, up, 'package.json'), 'utf8')
      return (JSON.parse(text) as { version: string }).version
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  return 'unknown'
}
