/** Who sent a request, by HTTP basic authentication against bcrypt hashes. */
import { createHash } from 'node:crypto'
import { SluiceError } from '../../errors.ts'
import { BcryptWorker } from './bcrypt-worker.ts'

/** Verdicts of a kind that are kept; the oldest give way. */
const VERDICTS_MAX = 1000
/** Comparisons that may wait; a thread does some ten a second. */
const PENDING_MAX = 100
const DEFAULT_COST = '10'

export type Authentication =
  { readonly kind: 'user'; readonly name: string } | { readonly kind: 'refused' }

const REFUSED: Authentication = { kind: 'refused' }

export class BasicAuth {
  private users: ReadonlyMap<string, string> = new Map()
  private fakeHash = fakeHashOf([])
  private readonly bcrypt = new BcryptWorker()
  // Digests of user, hash and password. A flood of wrong ones must not push the right ones out.
  private readonly right = new Set<string>()
  private readonly wrong = new Set<string>()
  private readonly running = new Map<string, Promise<boolean>>()

  /** @param users bcrypt hashes by name; none: nobody has to say who they are */
  setUsers(users: ReadonlyMap<string, string>): void {
    this.users = users
    this.fakeHash = fakeHashOf([...users.values()])
  }

  get isOn(): boolean {
    return this.users.size > 0
  }

  /**
   * At once where the verdict is known. A user who is not known costs as much time as a wrong password, so that
   * names cannot be found out by it.
   *
   * @throws SluiceError overloaded, when too many passwords are being compared already
   */
  authenticate(authorization: string | undefined): Authentication | Promise<Authentication> {
    const credentials = readCredentials(authorization)
    if (credentials === undefined) return REFUSED
    const { name, password } = credentials
    const known = this.users.get(name)
    const hash = known ?? this.fakeHash
    const user: Authentication = known === undefined ? REFUSED : { kind: 'user', name }
    const id = createHash('sha256')
      .update(JSON.stringify([name, hash, password]))
      .digest('base64')
    if (this.right.has(id)) return user
    if (this.wrong.has(id)) return REFUSED
    return this.compare(id, password, hash).then((isRight) => (isRight ? user : REFUSED))
  }

  async stop(): Promise<void> {
    await this.bcrypt.stop()
  }

  private compare(id: string, password: string, hash: string): Promise<boolean> {
    let running = this.running.get(id)
    if (running !== undefined) return running
    if (this.bcrypt.pending >= PENDING_MAX) {
      throw new SluiceError('overloaded', 'too many passwords are being compared already')
    }
    running = this.bcrypt
      .compare(password, hash)
      .then((isRight) => {
        remember(isRight ? this.right : this.wrong, id)
        return isRight
      })
      .finally(() => this.running.delete(id))
    this.running.set(id, running)
    return running
  }
}

function remember(digests: Set<string>, id: string): void {
  if (digests.size >= VERDICTS_MAX) {
    const [oldest] = digests
    digests.delete(oldest!)
  }
  digests.add(id)
}

/** `Basic ` and base64 of `name:password`, UTF-8; names have no colon. */
function readCredentials(
  authorization: string | undefined,
): { readonly name: string; readonly password: string } | undefined {
  const match = /^basic +([A-Za-z0-9+/_-]+=*)\s*$/i.exec(authorization ?? '')
  if (match === null) return undefined
  const text = Buffer.from(match[1]!, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 0) return undefined
  return { name: text.slice(0, colon), password: text.slice(colon + 1) }
}

/** A hash that fits no password anybody knows, which takes as long as the slowest of the given ones. */
function fakeHashOf(hashes: readonly string[]): string {
  const costs = hashes.map((hash) => hash.slice(4, 6)).sort()
  return `$2b$${costs.at(-1) ?? DEFAULT_COST}$BdTeXlCx1xj0S3sNQviGIe5E5nAwKDNOElrwF.babqSm0lqz2XZFq`
}
