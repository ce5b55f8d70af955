/** Reads the body of a push in whichever format it is. */
import { spellOpenMetrics } from './openmetrics/parse.ts'
import { parseProtobuf } from './protobuf/decode.ts'
import type { Syntax } from './negotiate.ts'
import { spellFamily, type SpelledFamily } from './spelled/series.ts'
import { spellText } from './text/parse.ts'

export interface ParseBodyOptions {
  /** Names may hold any UTF-8 (--push.enable-utf8-names). */
  readonly utf8Names: boolean
  /** --push.lenient-newlines; for text only. */
  readonly lenientNewlines: boolean
  /** --push.strict-openmetrics */
  readonly strictOpenMetrics: boolean
  /** More samples than this refuse the body. */
  readonly samplesMax: number
}

export interface ParsedBody {
  /** With the names of the text format 0.0.4, whatever the body's format. */
  readonly families: SpelledFamily[]
  /** True for an OpenMetrics body without `# EOF`, which may have been cut off. */
  readonly isWithoutEof: boolean
}

/**
 * @throws InvalidExposition
 * @throws SluiceError invalid_exposition, body_too_large
 */
export function parseBody(body: Buffer, syntax: Syntax, options: ParseBodyOptions): ParsedBody {
  switch (syntax) {
    case 'protobuf':
      return { families: parseProtobuf(body, options).map(spellFamily), isWithoutEof: false }
    case 'openmetrics': {
      const strict = options.strictOpenMetrics
      const { families, hasEof } = spellOpenMetrics(body, { ...options, strict })
      return { families, isWithoutEof: !hasEof }
    }
    case 'text':
      return { families: spellText(body, options), isWithoutEof: false }
  }
}
