/** Compose files as Docker reads them: merged keys, variables put in, lists of arguments. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'

export interface ComposeService {
  readonly image: string
  readonly build?: { readonly context: string; readonly dockerfile: string }
  readonly entrypoint?: readonly string[]
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly volumes?: readonly string[]
  readonly ports?: readonly string[]
  readonly tmpfs?: readonly string[]
  readonly networks?:
    readonly string[] | Readonly<Record<string, { readonly ipv4_address: string }>>
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly healthcheck?: { readonly test: readonly string[] }
  readonly restart?: string
  readonly stop_grace_period?: string
}

export interface ComposeFile {
  /** Its folder, from which paths start. */
  readonly folder: string
  readonly services: Readonly<Record<string, ComposeService>>
  readonly volumes: Readonly<Record<string, unknown>>
  readonly networks: Readonly<Record<string, unknown>>
  /** Variables without which it cannot be used. */
  readonly needed: ReadonlySet<string>
}

const VARIABLE = /\$\{([A-Z_]+):\?[^}]*\}/g

export function readCompose(file: string): ComposeFile {
  const needed = new Set<string>()
  const text = readFileSync(file, 'utf8').replace(VARIABLE, (_whole, name: string) => {
    needed.add(name)
    return `value-of-${name}`
  })
  const document = parse(text, { merge: true }) as Partial<ComposeFile>
  return {
    folder: path.dirname(file),
    services: document.services ?? {},
    volumes: document.volumes ?? {},
    networks: document.networks ?? {},
    needed,
  }
}

/** `[source, target, options]` of each mount. */
export function mounts({ volumes = [] }: ComposeService): string[][] {
  return volumes.map((volume) => volume.split(':'))
}
