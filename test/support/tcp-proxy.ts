/**
 * A network that a test can break: a proxy in front of a port of 127.0.0.1 which refuses, stalls,
 * holds back, or cuts connections at the moment that hurts most.
 */
import net, { type AddressInfo } from 'node:net'
import { closeAfterTest } from './cleanup.ts'

type Direction = 'requests' | 'replies'

/** What is done with the bytes of a connection. */
type Mode =
  | { readonly kind: 'forward' }
  /** They are swallowed, as by a network that lost the way: nobody is told. */
  | { readonly kind: 'swallow'; readonly directions: readonly Direction[] }
  /** They wait here until they are released; also those of a client that gave up. */
  | { readonly kind: 'hold'; readonly directions: readonly Direction[] }
  | { readonly kind: 'delay'; readonly ms: number }

export interface TcpProxy {
  readonly port: number
  /** How many connections are open now, and how many were made since the start. */
  readonly open: number
  readonly made: number
  /** Of how many connections bytes were swallowed. */
  readonly lost: number
  /** From now on, also for connections that are open: bytes go through as they come. */
  forward(): void
  /** Swallows bytes. A connection that lost some stays lost: forward() is for new ones. */
  swallow(...directions: Direction[]): void
  /** Keeps bytes until forward(); they then arrive, even when the client is gone. */
  hold(...directions: Direction[]): void
  /** Each way takes so long. */
  delay(ms: number): void
  /** Cuts what is open, and refuses connections until accept(). */
  refuse(): Promise<void>
  accept(): Promise<void>
  /** Cuts what is open. */
  cut(): void
  /**
   * Of the next connection that carries a request with this text: the request goes through, and so
   * many replies; then, instead of the next reply, the connection is cut. Resolves when it is.
   */
  cutAfter(request: string, replies?: number): Promise<void>
  /** As cutAfter, but the connection falls silent instead of being cut. */
  silenceAfter(request: string, replies?: number): Promise<void>
  /**
   * The next request with this text, and what comes behind it on its connection, waits here until
   * it is released, even when the client is gone by then.
   */
  holdBack(request: string): HeldBack
}

export interface HeldBack {
  /** Resolves when the request came. */
  readonly came: Promise<void>
  /** Lets it go on, and resolves when its connection is over. */
  release(): Promise<void>
}

interface Trap {
  readonly request: string
  readonly kind: 'cut' | 'silence' | 'hold'
  /** How many still go through. */
  replies: number
  readonly sprung: (pair: Pair) => void
}

interface Pair {
  readonly client: net.Socket
  readonly server: net.Socket
  trap: Trap | undefined
  /** Bytes of it were swallowed: what comes now would make no sense any more. */
  lost: boolean
  held: { readonly direction: Direction; readonly bytes: Buffer }[]
  clientIsGone: boolean
  /** On its way for some time yet, oldest first. */
  readonly delayed: Record<Direction, Buffer[]>
  readonly over: Promise<unknown>
}

/** Starts a proxy; it is closed after the test. */
export async function startTcpProxy(target: { readonly port: number }): Promise<TcpProxy> {
  const proxy = new Proxy(target.port)
  await proxy.accept()
  closeAfterTest(() => proxy.refuse())
  return proxy
}

class Proxy implements TcpProxy {
  port = 0
  made = 0
  lost = 0
  private readonly target: number
  private readonly pairs = new Set<Pair>()
  private mode: Mode = { kind: 'forward' }
  private traps: Trap[] = []
  private listener: net.Server | undefined

  constructor(target: number) {
    this.target = target
  }

  get open(): number {
    return this.pairs.size
  }

  forward(): void {
    this.mode = { kind: 'forward' }
    for (const pair of this.pairs) letGo(pair)
  }

  swallow(...directions: Direction[]): void {
    this.mode = { kind: 'swallow', directions }
  }

  hold(...directions: Direction[]): void {
    this.mode = { kind: 'hold', directions }
  }

  delay(ms: number): void {
    this.mode = { kind: 'delay', ms }
  }

  cut(): void {
    for (const { client, server } of this.pairs) {
      client.destroy()
      server.destroy()
    }
    this.pairs.clear()
  }

  async refuse(): Promise<void> {
    const { listener } = this
    this.listener = undefined
    const closed = new Promise<void>((resolve) => {
      if (listener === undefined) resolve()
      else listener.close(() => resolve())
    })
    this.cut()
    await closed
  }

  accept(): Promise<void> {
    const listener = net.createServer({ noDelay: true }, (client) => this.connect(client))
    this.listener = listener
    return new Promise((resolve, reject) => {
      listener.once('error', reject)
      listener.listen(this.port, '127.0.0.1', () => {
        this.port = (listener.address() as AddressInfo).port
        resolve()
      })
    })
  }

  cutAfter(request: string, replies = 0): Promise<void> {
    return new Promise((resolve) => {
      this.traps.push({ request, replies, kind: 'cut', sprung: () => resolve() })
    })
  }

  silenceAfter(request: string, replies = 0): Promise<void> {
    return new Promise((resolve) => {
      this.traps.push({ request, replies, kind: 'silence', sprung: () => resolve() })
    })
  }

  holdBack(request: string): HeldBack {
    const caught = new Promise<Pair>((resolve) => {
      this.traps.push({ request, replies: 0, kind: 'hold', sprung: resolve })
    })
    return {
      came: caught.then(() => undefined),
      release: async () => {
        const pair = await caught
        letGo(pair)
        await pair.over
      },
    }
  }

  private connect(client: net.Socket): void {
    this.made++
    const server = net.connect({ port: this.target, host: '127.0.0.1', noDelay: true })
    const pair: Pair = {
      client,
      server,
      trap: undefined,
      lost: false,
      held: [],
      clientIsGone: false,
      delayed: { requests: [], replies: [] },
      over: new Promise((resolve) => server.on('close', resolve)),
    }
    this.pairs.add(pair)
    client.on('data', (bytes) => this.pass(pair, 'requests', bytes))
    server.on('data', (bytes) => this.pass(pair, 'replies', bytes))
    // Both ends see each other's errors as the end of the connection.
    client.on('error', () => undefined)
    server.on('error', () => undefined)
    const closed = { client: false, server: false }
    client.on('close', () => {
      closed.client = pair.clientIsGone = true
      if (closed.server) this.pairs.delete(pair)
      else if (!pair.held.some(({ direction }) => direction === 'requests')) server.end()
    })
    server.on('close', () => {
      closed.server = true
      if (closed.client) this.pairs.delete(pair)
      // Behind a broken network, a server that goes away is not noticed either.
      else if (!pair.lost) client.destroy()
    })
  }

  private pass(pair: Pair, direction: Direction, bytes: Buffer): void {
    const { mode } = this
    if (pair.lost) return
    if (mode.kind === 'swallow' && mode.directions.includes(direction)) {
      pair.lost = true
      this.lost++
      return
    }
    const waits = pair.held.some((held) => held.direction === direction)
    if (waits || (mode.kind === 'hold' && mode.directions.includes(direction))) {
      pair.held.push({ direction, bytes })
      return
    }
    if (direction === 'requests') this.watch(pair, bytes)
    if (pair.trap?.kind === 'hold') {
      pair.held.push({ direction, bytes })
      pair.trap.sprung(pair)
      pair.trap = undefined
      return
    }
    const through = direction === 'requests' ? bytes : this.spring(pair, bytes)
    if (through.length === 0) return
    send(pair, direction, through, mode.kind === 'delay' ? mode.ms : 0)
  }

  /** A trap that waits for the text of a request is set on its connection. */
  private watch(pair: Pair, bytes: Buffer): void {
    const found = this.traps.findIndex(({ request }) => bytes.includes(request))
    if (found >= 0) pair.trap = this.traps.splice(found, 1)[0]
  }

  /** What of these replies still goes through. */
  private spring(pair: Pair, bytes: Buffer): Buffer {
    const { trap } = pair
    if (trap === undefined) return bytes
    const length = lengthOfReplies(bytes, trap.replies)
    if (length.replies < trap.replies || length.bytes === bytes.length) {
      trap.replies -= length.replies
      return bytes
    }
    pair.trap = undefined
    if (length.bytes > 0) pair.client.write(bytes.subarray(0, length.bytes))
    pair.lost = trap.kind === 'silence'
    if (trap.kind === 'cut') {
      pair.client.destroySoon()
      pair.server.destroy()
    }
    trap.sprung(pair)
    return Buffer.alloc(0)
  }
}

function letGo(pair: Pair): void {
  for (const { direction, bytes } of pair.held.splice(0)) send(pair, direction, bytes, 0)
  if (pair.clientIsGone) pair.server.end()
}

/** Sends bytes after some time, and never before what came before them. */
function send(pair: Pair, direction: Direction, bytes: Buffer, afterMs: number): void {
  const to = direction === 'requests' ? pair.server : pair.client
  const waiting = pair.delayed[direction]
  if (afterMs === 0 && waiting.length === 0) {
    to.write(bytes)
    return
  }
  waiting.push(bytes)
  setTimeout(() => {
    const oldest = waiting.shift()
    if (oldest !== undefined && !to.destroyed) to.write(oldest)
  }, afterMs)
}

/** The length of the first so many replies of Redis, which come in whole. */
function lengthOfReplies(bytes: Buffer, wanted: number): { bytes: number; replies: number } {
  let [at, replies] = [0, 0]
  while (replies < wanted && at < bytes.length) {
    at = endOfReply(bytes, at)
    replies++
  }
  return { bytes: at, replies }
}

function endOfReply(bytes: Buffer, at: number): number {
  const lineEnd = bytes.indexOf('\r\n', at)
  if (lineEnd < 0) throw new Error('a reply came in pieces')
  const type = String.fromCharCode(bytes[at]!)
  const count = Number(bytes.toString('latin1', at + 1, lineEnd))
  let end = lineEnd + 2
  if ('$=!'.includes(type)) return count < 0 ? end : end + count + 2
  const parts = '*~>'.includes(type) ? count : type === '%' ? 2 * count : 0
  for (let part = 0; part < parts; part++) end = endOfReply(bytes, end)
  return end
}
