/** The page on /: groups, their families and values, when they were pushed, and a way to delete them. */
import type { Cursor } from '../../storage/group-store.ts'
import { renderLabels } from '../exposition/text/render.ts'
import { groupPath } from '../groups/grouping-key.ts'
import type { BuildInfo } from '../telemetry/build-info.ts'
import { boundedBuckets } from '../metrics/native-buckets.ts'
import { formatFloat64 } from '../metrics/numbers.ts'
import type { ShownGroup } from '../view/shown-group.ts'
import { html, type Markup } from './html.ts'

export interface GroupsPageInput {
  readonly groups: readonly ShownGroup[]
  readonly position: Cursor
  /** Shown are groups whose labels or family names hold this text. */
  readonly search: string
  readonly pageNumber: number
  readonly prefix: string
  readonly utf8Names: boolean
  readonly scrapePath: string
  readonly build: BuildInfo
  readonly startedAt: Date
}

const GROUPS_A_PAGE = 50
/** Of a family, that many buckets of native histograms are shown. */
const NATIVE_LINES_MAX = 200
/** Of a family, this much is shown; the whole stands on the scrape page. */
const SAMPLES_BYTES_MAX = 16 * 1024

export function groupsPage(input: GroupsPageInput): string {
  const found = input.groups.filter((group) => matches(group, input.search))
  const pageCount = Math.max(1, Math.ceil(found.length / GROUPS_A_PAGE))
  const pageNumber = Math.min(input.pageNumber, pageCount)
  const shown = found.slice((pageNumber - 1) * GROUPS_A_PAGE, pageNumber * GROUPS_A_PAGE)
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Sluice: pushed groups</title>
        <link rel="icon" href="${input.prefix}/static/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="${input.prefix}/static/style.css" />
        <script type="module" src="${input.prefix}/static/app.js"></script>
      </head>
      <body>
        <header>
          <h1><a href="${input.prefix}/">Sluice</a></h1>
          <nav>
            <a href="${input.scrapePath}">metrics</a>
            <a href="${input.prefix}/api/v1/metrics">groups as JSON</a>
            <a href="${input.prefix}/api/v1/status">status as JSON</a>
          </nav>
        </header>
        <main>
          <form role="search" action="${input.prefix}/" method="get">
            <label for="search">Groups with</label>
            <input
              id="search"
              name="search"
              type="search"
              value="${input.search}"
              placeholder="a label or a metric name"
            />
            <button type="submit">Search</button>
          </form>
          <p role="status">${summary(found.length, input.groups.length)}</p>
          ${shown.map((group) => groupSection(group, input))}
          ${pageLinks(input, pageNumber, pageCount)}
        </main>
        <footer>
          Sluice ${input.build.version}, up since ${time(input.startedAt.getTime() * 1000)}, store
          revision ${input.position.revision}
        </footer>
      </body>
    </html> `
  return page.text
}

function matches(group: ShownGroup, search: string): boolean {
  if (search === '') return true
  const wanted = search.toLowerCase()
  return (
    renderLabels(group.grouping.labels).toLowerCase().includes(wanted) ||
    group.names.some((name) => name.toLowerCase().includes(wanted))
  )
}

function summary(found: number, total: number): string {
  if (total === 0) return 'Nothing has been pushed yet.'
  const groups = total === 1 ? 'group' : 'groups'
  return found === total ? `${total} ${groups}` : `${found} of ${total} ${groups}`
}

function groupSection(group: ShownGroup, { prefix, utf8Names }: GroupsPageInput): Markup {
  const { slot, grouping } = group
  const failed = slot.failureTimeUs > slot.pushTimeUs
  const labels = renderLabels(grouping.labels)
  return html`<section class="group${failed ? ' failed' : ''}">
    <h2>
      ${grouping.labels.map(({ name, value }) => html`<span class="label">${name}="${value}"</span> `)}
    </h2>
    <p>
      ${slot.pushTimeUs === 0 ? 'never pushed successfully' : html`last push ${time(slot.pushTimeUs)}`}
      ${failed ? html`, <strong>last push failed</strong> ${time(slot.failureTimeUs)}` : ''}
      <button
        class="delete"
        type="button"
        data-path="${prefix}/metrics/${groupPath(grouping, utf8Names)}"
        data-group="${labels}"
      >
        Delete group
      </button>
    </p>
    ${group.names.map((name) => familySection(group, name))}
  </section> `
}

function familySection(group: ShownGroup, name: string): Markup {
  const samples = group.samples(name)
  const text = samples.toString('utf8', 0, SAMPLES_BYTES_MAX)
  const lines = text.slice(0, text.lastIndexOf('\n') + 1)
  const cut = lines.length < samples.length && samples.length > SAMPLES_BYTES_MAX
  return html`<details>
    <summary>
      <code>${name}</code> <span class="type">${group.type(name)}</span>
      <span class="help">${group.help(name)}</span>
    </summary>
    <p>pushed ${time(group.pushedAt(name))}</p>
    <pre>${lines}${cut ? '…' : ''}</pre>
    ${group.isMoreThanText(name) ? nativeSection(group, name) : ''}
  </details> `
}

/** The buckets of native histograms, which have no lines of text. */
function nativeSection(group: ShownGroup, name: string): Markup {
  const lines: string[] = []
  for (const metric of group.family(name).metrics) {
    if (!('buckets' in metric) || metric.native === undefined) continue
    for (const bucket of boundedBuckets(metric.native)) {
      const bounds = `${formatFloat64(bucket.lower)}, ${formatFloat64(bucket.upper)}`
      const interval = `${bucket.lowerInclusive ? '[' : '('}${bounds}${bucket.upperInclusive ? ']' : ')'}`
      lines.push(
        `${name}{${renderLabels(metric.labels)}} ${interval} ${formatFloat64(bucket.count)}`,
      )
    }
  }
  if (lines.length === 0) return html``
  const shown = lines.slice(0, NATIVE_LINES_MAX)
  return html`<p>native buckets</p>
    <pre>${shown.join('\n')}${shown.length < lines.length ? '\n…' : ''}</pre>`
}

function pageLinks(
  { prefix, search }: GroupsPageInput,
  pageNumber: number,
  pageCount: number,
): Markup {
  if (pageCount === 1) return html``
  const link = (number: number, text: string): Markup =>
    number < 1 || number > pageCount
      ? html`<span>${text}</span>`
      : html`<a
          href="${prefix}/?${new URLSearchParams({ search, page: String(number) }).toString()}"
          >${text}</a
        >`
  return html`<nav aria-label="Pages">
    ${link(pageNumber - 1, 'previous')} page ${pageNumber} of ${pageCount}
    ${link(pageNumber + 1, 'next')}
  </nav>`
}

function time(timeUs: number): Markup {
  const iso = new Date(timeUs / 1000).toISOString()
  return html`<time datetime="${iso}">${iso.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')}</time>`
}
