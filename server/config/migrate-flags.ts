/** The command line of `sluice migrate`. */
import { parseArgs } from 'node:util'
import { UsageError } from './parse-flags.ts'
import { hasUnreadablePassword } from './redact-url.ts'

export interface MigrateFlags {
  readonly from: string
  readonly to: string
  readonly help: boolean
}

export const MIGRATE_HELP = `usage: sluice migrate --from URL --to URL

Copies every group, with its times, from one store to another that is empty: for example

    sluice migrate --from sqlite:/var/lib/sluice/sluice.db --to redis://localhost:6379/0

Stop the gateways on both first. URLs are those of --storage.url. What is in the target is never
written over; when anything goes wrong, the target is left empty, and the source is never changed.
SLUICE_STORAGE_PASSWORD is the password for both; the option password_file of a URL that of one.
`

/** @throws UsageError naming what is missing or unknown */
export function parseMigrateFlags(argv: readonly string[]): MigrateFlags {
  if (argv.includes('--help') || argv.includes('-h')) return { from: '', to: '', help: true }
  const { from, to } = readCommandLine(argv)
  if (from === undefined || from === '') throw new UsageError('--from=URL is missing')
  if (to === undefined || to === '') throw new UsageError('--to=URL is missing')
  for (const [flag, url] of Object.entries({ from, to })) {
    if (hasUnreadablePassword(url))
      throw new UsageError(
        `--${flag}: the password in the URL has characters that must be percent-encoded`,
      )
  }
  return { from, to, help: false }
}

function readCommandLine(argv: readonly string[]): { from?: string; to?: string } {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { from: { type: 'string' }, to: { type: 'string' } },
    })
    return values
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code?.startsWith('ERR_PARSE_ARGS') !== true) throw error
    throw new UsageError(message.split(/\. To specify|\n/)[0]!.replace(/\.$/, ''))
  }
}
