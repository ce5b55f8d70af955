/** A gateway without HTTP on a memory store: pushes go in as text, the page comes out as text. */
import { Writable } from 'node:stream'
import { parseText } from '../../../server/exposition/text/parse.ts'
import { Gateway } from '../../../server/gateway.ts'
import { preparePush } from '../../../server/groups/prepare.ts'
import { parseGroupingPath } from '../../../server/groups/grouping-key.ts'
import type { EscapingScheme } from '../../../server/metrics/names.ts'
import { readBuildInfo } from '../../../server/telemetry/build-info.ts'
import { createLogger } from '../../../server/telemetry/logger.ts'
import type { ExpositionFormat } from '../../../server/exposition/negotiate.ts'
import type { MetricFamily } from '../../../server/metrics/metric-family.ts'
import { createOwnMetrics } from '../../../server/telemetry/own-metrics.ts'
import type { RopePart } from '../../../server/view/rope.ts'
import { View } from '../../../server/view/view.ts'
import type { GroupStore } from '../../../storage/group-store.ts'
import { createMemoryStore } from '../../../storage/memory.ts'
import { EMPTY_SOURCES } from '../../support/metric-sources.ts'

/** One for all gateways of a test file: what they count is not looked at here. */
const OWN_METRICS = createOwnMetrics(readBuildInfo(), EMPTY_SOURCES)

const SILENT = createLogger({
  level: 'error',
  format: 'logfmt',
  stream: new Writable({ write: (_chunk, _encoding, done) => done() }),
})

export interface TestView {
  readonly view: View
  /** `family: shown / other` of each report. */
  readonly helpReports: string[]
  readonly resets: string[]
}

export function createTestView(store: GroupStore): TestView {
  const helpReports: string[] = []
  const resets: string[] = []
  const view = new View(store, {
    helpDiffers: (name, shown, other) => helpReports.push(`${name}: ${shown} / ${other}`),
    reset: (reason) => resets.push(reason),
  })
  return { view, helpReports, resets }
}

export type PushedBody = string | readonly MetricFamily[]

export interface MemoryGateway extends TestView {
  readonly store: GroupStore
  /** PUTs a body, or the families of one, to `job/…`; throws when it is refused. */
  readonly put: (path: string, body: PushedBody) => Promise<void>
  readonly post: (path: string, body: PushedBody) => Promise<void>
  readonly remove: (path: string) => Promise<void>
  /** As put and post, but returns whether the push was accepted. */
  readonly push: (kind: 'replace' | 'merge', path: string, body: PushedBody) => Promise<boolean>
  /** Syncs the view and returns its page. */
  readonly page: (scheme?: EscapingScheme, own?: readonly MetricFamily[]) => Promise<string>
}

export interface MemoryGatewayOptions {
  readonly checked?: boolean
  readonly store?: GroupStore
}

export function createMemoryGateway({
  checked = true,
  store = createMemoryStore(),
}: MemoryGatewayOptions = {}): MemoryGateway {
  const testView = createTestView(store)
  const { view } = testView
  const gateway = new Gateway({
    store,
    view,
    ownMetrics: OWN_METRICS,
    logger: SILENT,
    checked,
    storeTimeoutMs: 1000,
    showsOwnMetrics: true,
    staleMsMax: 0,
  })
  const preparing = { ownClaims: OWN_METRICS.claims, checked }
  const push = async (
    kind: 'replace' | 'merge',
    path: string,
    body: PushedBody,
  ): Promise<string | undefined> => {
    const grouping = parseGroupingPath(path, true)
    const families =
      typeof body === 'string'
        ? parseText(Buffer.from(body), { utf8Names: true, lenientNewlines: false })
        : body
    const outcome = await gateway.push(kind, grouping, preparePush(grouping, families, preparing))
    return outcome.kind === 'accepted' ? undefined : outcome.reason
  }
  const mustPush = async (...given: Parameters<typeof push>): Promise<void> => {
    const reason = await push(...given)
    if (reason !== undefined) throw new Error(`rejected: ${reason}`)
  }
  return {
    ...testView,
    store,
    put: (path, body) => mustPush('replace', path, body),
    post: (path, body) => mustPush('merge', path, body),
    remove: async (path) => {
      await gateway.remove(parseGroupingPath(path, true))
    },
    push: async (...given) => (await push(...given)) === undefined,
    async page(scheme = 'allow-utf-8', own = []) {
      await view.sync()
      return textOf(view.page(textFormat(scheme), own))
    },
  }
}

/** Text 0.0.4 with names escaped by `escaping`. */
export function textFormat(escaping: EscapingScheme): ExpositionFormat {
  return { syntax: 'text', escaping }
}

export function textOf(parts: readonly RopePart[]): string {
  return Buffer.concat(parts.map(({ plain }) => plain)).toString()
}

/** The page without the two times that each group has. */
export function withoutTimes(page: string): string {
  const times = /^(# (HELP|TYPE) )?push_(failure_)?time_seconds[ {]/
  return page
    .split('\n')
    .filter((line) => !times.test(line))
    .join('\n')
}
