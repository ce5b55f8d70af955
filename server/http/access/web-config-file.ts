/**
 * The web configuration that is in force: read at the start and again when its file, or one that it names, has
 * changed. A broken one leaves the last good one in force.
 */
import { readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import {
  parseWebConfig,
  WebConfigError,
  type TextSource,
  type WebConfig,
} from '../../config/web-config.ts'
import { secureContextOptions, type TlsMaterial } from '../sockets/tls.ts'

export interface LoadedWebConfig {
  readonly config: WebConfig
  readonly tls: TlsMaterial | undefined
}

export interface WebConfigEvents {
  /** Takes what was read into force; throws an Error that says why it cannot. */
  apply(loaded: LoadedWebConfig): void
  reloaded(): void
  /** Called once for each state of the files. */
  refused(reason: string): void
}

/** How soon a change is noticed. */
const LOOK_MS = 1000

export class WebConfigFile {
  private readonly file: string
  private seen: readonly FileState[]
  /** As the file was at the start. */
  readonly initial: LoadedWebConfig

  /** @throws WebConfigError when the file, or one that it names, cannot be used */
  constructor(file: string) {
    this.file = file
    const attempt = tryToLoad(file)
    if (attempt.error !== undefined) throw attempt.error
    this.seen = attempt.signature
    this.initial = attempt.loaded
  }

  /** Looks for changes from now on. Returns how to end that. */
  watch(events: WebConfigEvents): () => void {
    const timer = setInterval(() => this.look(events), LOOK_MS)
    timer.unref()
    return () => clearInterval(timer)
  }

  private look(events: WebConfigEvents): void {
    const now = signatureOf(this.seen.map(({ file }) => file))
    if (now.every(({ state }, i) => state === this.seen[i]?.state)) return
    const attempt = tryToLoad(this.file)
    this.seen = attempt.signature
    try {
      if (attempt.error !== undefined) throw attempt.error
      events.apply(attempt.loaded)
      events.reloaded()
    } catch (error) {
      events.refused(messageOf(error))
    }
  }
}

/** What tells one state of a file from another one; a name that is moved to another file does too. */
interface FileState {
  readonly file: string
  readonly state: string
}

type Attempt =
  | {
      readonly loaded: LoadedWebConfig
      readonly signature: readonly FileState[]
      readonly error?: undefined
    }
  | { readonly error: WebConfigError; readonly signature: readonly FileState[] }

function tryToLoad(file: string): Attempt {
  const files = [file]
  // Looked at before they are read: what changes in between is then noticed the next time.
  let signature = signatureOf(files)
  try {
    const config = parseWebConfig(readText(file), path.dirname(path.resolve(file)))
    const { tls } = config
    if (tls === undefined) return { loaded: { config, tls }, signature }
    for (const source of [tls.cert, tls.key, tls.clientCa]) {
      if (source?.kind === 'file') files.push(source.file)
    }
    signature = [...signature, ...signatureOf(files.slice(1))]
    const material = {
      config: tls,
      cert: textOf(tls.cert, 'cert_file'),
      key: textOf(tls.key, 'key_file'),
      clientCa: tls.clientCa === undefined ? undefined : textOf(tls.clientCa, 'client_ca_file'),
    }
    // Whatever could be wrong with it is found now, not by the first client.
    secureContextOptions(material)
    return { loaded: { config, tls: material }, signature }
  } catch (error) {
    // Whatever it is, it must not end a gateway that is running with the file as it was.
    return { error: new WebConfigError(`${file}: ${messageOf(error)}`), signature }
  }
}

function textOf(source: TextSource, key: string): string {
  if (source.kind === 'text') return source.text
  try {
    return readText(source.file)
  } catch (error) {
    throw new WebConfigError(`tls_server_config.${key}: ${messageOf(error)}`)
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new WebConfigError(`it cannot be read: ${messageOf(error)}`)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function signatureOf(files: readonly string[]): FileState[] {
  return files.map((file) => ({ file, state: stateOf(file) }))
}

function stateOf(file: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true })
    return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`
  } catch (error) {
    // What cannot be looked at cannot be read either: that is said there.
    return messageOf(error)
  }
}
