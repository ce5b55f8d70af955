/** What --help prints. */
import { formatDuration } from './duration.ts'
import { environmentName, FLAG_NAMES, FLAGS, type Flag, type FlagName } from './flags.ts'

const WIDTH = 100
const INDENT = ' '.repeat(10)

export function helpText(): string {
  const flags = FLAG_NAMES.map((name) => describeFlag(name, FLAGS[name]))
  return [
    'usage: sluice [<flags>]',
    '       sluice migrate --from URL --to URL',
    '',
    'A gateway that batch jobs push their metrics to, with the URLs, flags and semantics of the',
    'Prometheus Pushgateway, on a store that several replicas can share.',
    '',
    'Flags (each also as an environment variable):',
    '  -h, --help\n          Show this help.',
    '      --version\n          Show the version.',
    ...flags,
    '',
  ].join('\n')
}

function describeFlag(name: FlagName, flag: Flag): string {
  return [
    `      ${spellFlag(name, flag)}`,
    ...wrap(`${flag.help} [${environmentName(name)}]`),
  ].join('\n')
}

/** The flag as one would type it, with its default. */
export function spellFlag(name: FlagName, flag: Flag): string {
  switch (flag.kind) {
    case 'switch':
      return `--[no-]${name}`
    case 'list':
      return `--${name}=${flag.default.join(',')} ...`
    case 'duration':
      return `--${name}=${formatDuration(flag.default)}`
    case 'integer':
      return `--${name}=${flag.default}`
    case 'text':
      return `--${name}=${flag.default === '' ? '""' : flag.default}`
  }
}

function wrap(text: string): string[] {
  const lines: string[] = []
  let line = INDENT
  for (const word of text.split(' ')) {
    if (line.length + word.length > WIDTH && line !== INDENT) {
      lines.push(line.trimEnd())
      line = INDENT
    }
    line += `${word} `
  }
  return [...lines, line.trimEnd()]
}
