/** The parsers of bodies, and everything that is made of what they accept. */
import { parseBody } from '../../../server/exposition/parse-body.ts'
import type { Syntax } from '../../../server/exposition/negotiate.ts'
import {
  splitStored,
  readStored,
  storedHeaderLength,
  storedHelpText,
} from '../../../server/exposition/stored-family.ts'
import { MalformedMessage } from '../../../server/exposition/protobuf/message-reader.ts'
import { parseGroupingPath } from '../../../server/groups/grouping-key.ts'
import { preparePush } from '../../../server/groups/prepare.ts'
import {
  corpusBodies,
  FAMILIES,
  OPENMETRICS_BODIES,
  protobufBodies,
  TEXT_BODIES,
} from '../seeds.ts'
import {
  isPlainError,
  isSluiceError,
  optionsBefore,
  outcomeOf,
  refused,
  withOptions,
  type Outcome,
  type Target,
} from '../target.ts'
import { OPENMETRICS_TOKENS, PROTOBUF_TOKENS, TEXT_TOKENS } from '../tokens.ts'
import { checkAccepted } from './round-trip.ts'

/** Bits of the first byte: UTF-8 names, lenient newlines, strictness, no checks, few samples. */
function runBody(syntax: Syntax, input: Buffer): Outcome {
  const { bit, rest } = withOptions(input)
  let families
  try {
    families = parseBody(rest, syntax, {
      utf8Names: bit(0),
      lenientNewlines: bit(1),
      strictOpenMetrics: bit(2),
      samplesMax: bit(4) ? 3 : 1_000_000,
    }).families
  } catch (error) {
    if (!isSluiceError(error)) throw error
    return refused(String(error))
  }
  return checkAccepted(families, !bit(3))
}

export function textTarget(): Target {
  return {
    name: 'text',
    seeds: optionsBefore([0, 1, 3, 9], [...corpusBodies('text'), ...TEXT_BODIES]),
    tokens: TEXT_TOKENS,
    executionsASecond: 2000,
    run: (input) => runBody('text', input),
  }
}

export function openMetricsTarget(): Target {
  const bodies = [...corpusBodies('openmetrics'), ...OPENMETRICS_BODIES, ...TEXT_BODIES]
  return {
    name: 'openmetrics',
    seeds: optionsBefore([0, 1, 4, 5], bodies),
    tokens: OPENMETRICS_TOKENS,
    executionsASecond: 2500,
    run: (input) => runBody('openmetrics', input),
  }
}

export function protobufTarget(): Target {
  return {
    name: 'protobuf',
    seeds: optionsBefore([0, 1, 9], protobufBodies()),
    tokens: PROTOBUF_TOKENS,
    executionsASecond: 4000,
    run: (input) => runBody('protobuf', input),
  }
}

/** Rows of a store that something else has written, or a disk has damaged. */
export function storedFamilyTarget(): Target {
  const grouping = parseGroupingPath('job/j', false)
  const push = preparePush(grouping, FAMILIES, { ownClaims: new Map(), checked: true })
  if (push.kind === 'rejected') throw new Error(push.reason)
  return {
    name: 'stored-family',
    seeds: push.families.map(({ data }) => data),
    tokens: [...TEXT_TOKENS, ...PROTOBUF_TOKENS],
    executionsASecond: 8000,
    run: (input) =>
      outcomeOf(
        () => {
          const parts = splitStored(input)
          const { name } = readStored(parts)
          const header = parts.text.toString('utf8', 0, storedHeaderLength(parts.text))
          storedHelpText(header, name)
        },
        (error) => isSluiceError(error) || error instanceof MalformedMessage || isPlainError(error),
      ),
  }
}
