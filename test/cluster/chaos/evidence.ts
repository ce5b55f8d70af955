/** Keeps what a run leaves behind: no run happens twice. */
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { History } from '../history.ts'
import type { Verdict } from '../checker/verdict.ts'
import type { Surroundings } from './settings.ts'

/** The whole history as JSON, the verdict if there is one, and the logs of all members. */
export function keepEvidence(
  folder: string,
  { cluster }: Surroundings,
  history: History,
  verdict: Verdict | undefined,
): void {
  mkdirSync(folder, { recursive: true })
  const plain = (_key: string, value: unknown): unknown =>
    value instanceof Map ? Object.fromEntries(value as Map<string, unknown>) : value
  for (const [name, content] of Object.entries({ history, verdict })) {
    writeFileSync(path.join(folder, `${name}.json`), JSON.stringify(content ?? null, plain))
  }
  for (const name of readdirSync(cluster.folder).filter((file) => file.endsWith('.log'))) {
    copyFileSync(path.join(cluster.folder, name), path.join(folder, name))
  }
}
