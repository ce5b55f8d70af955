/** A real Prometheus that scrapes a gateway, and what it then knows. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { temporaryFolder } from './cleanup.ts'
import { send, waitFor } from './http.ts'
import { startProcess } from './processes.ts'
import { needProgram } from './programs.ts'

export interface QueryResult {
  readonly metric: Readonly<Record<string, string>>
  /** Time and value; native histograms have none. */
  readonly value?: readonly [number, string]
}

export interface PrometheusOptions {
  /** Beside `targets`, in the one scrape configuration. */
  readonly scrapeConfig?: string
  /** As --enable-feature names them. */
  readonly features?: readonly string[]
}

/** Scrapes `host:port` every second with honor_labels; resolves to its URL when it is ready. */
export async function startPrometheus(
  target: string,
  { scrapeConfig = '', features = [] }: PrometheusOptions = {},
): Promise<string> {
  const folder = temporaryFolder()
  const configuration = path.join(folder, 'prometheus.yml')
  writeFileSync(
    configuration,
    `global:
  scrape_interval: 1s
scrape_configs:
  - job_name: push_gateway
    honor_labels: true
${scrapeConfig}
    static_configs:
      - targets: ['${target}']
`,
  )
  const prometheus = startProcess(needProgram('prometheus'), [
    `--config.file=${configuration}`,
    `--storage.tsdb.path=${path.join(folder, 'tsdb')}`,
    '--web.listen-address=127.0.0.1:0',
    ...(features.length === 0 ? [] : [`--enable-feature=${features.join(',')}`]),
  ])
  const address = await waitFor('Prometheus to listen', () => {
    return /msg="Listening on" .*?address=([\d.:]+)/.exec(prometheus.stderr())?.[1]
  })
  await waitFor('Prometheus to be ready', async () => {
    return (await send('GET', `http://${address}`, '/-/ready')).status === 200 || undefined
  })
  return `http://${address}`
}

/** What an instant query gives now. */
export async function query(
  prometheus: string,
  expression: string,
): Promise<readonly QueryResult[]> {
  const pathAndQuery = `/api/v1/query?query=${encodeURIComponent(expression)}`
  const answer = (await ask(prometheus, pathAndQuery)) as { result?: QueryResult[] } | undefined
  return answer?.result ?? []
}

/** The `data` of an answer of its API. */
export async function ask(prometheus: string, pathAndQuery: string): Promise<unknown> {
  const { text } = await send('GET', prometheus, pathAndQuery)
  return (JSON.parse(text) as { data?: unknown }).data
}

/** Waits until a query gives results of which the first is this value. */
export function waitForValue(
  prometheus: string,
  expression: string,
  value: string,
): Promise<readonly QueryResult[]> {
  return waitFor(`${expression} to be ${value}`, async () => {
    const results = await query(prometheus, expression)
    return results[0]?.value?.[1] === value ? results : undefined
  })
}
