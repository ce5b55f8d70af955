/** What stands on the page that Prometheus scrapes. */
import { send } from './http.ts'

/** Values by series, both as they stand on the page: `m{job="j"}` -> `1`. */
export type Samples = ReadonlyMap<string, string>

export function samplesOf(text: string): Samples {
  const samples = new Map<string, string>()
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const blank = line.lastIndexOf(' ')
    const series = line.slice(0, blank)
    if (samples.has(series)) throw new Error(`${series} stands on the page twice`)
    samples.set(series, line.slice(blank + 1))
  }
  return samples
}

/** All samples of the page, which must be answered with 200. */
export async function scrape(url: string, path = '/metrics'): Promise<Samples> {
  const { status, text } = await send('GET', url, path)
  if (status !== 200) throw new Error(`the scrape was answered ${status}: ${text}`)
  return samplesOf(text)
}

/** Of these samples, those that came with a push or belong to a group, as a plain object. */
export function pushed(samples: Samples): Record<string, string> {
  return Object.fromEntries([...samples].filter(([series]) => /[{,]job="/.test(series)))
}

/** What was pushed, without the times of the pushes. */
export function pushedValues(samples: Samples): Record<string, string> {
  const entries = Object.entries(pushed(samples))
  return Object.fromEntries(
    entries.filter(([series]) => !/^push_(failure_)?time_seconds\{/.test(series)),
  )
}
