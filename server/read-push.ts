/** From the body of a push to what a store is to keep of it: by its template, or else by parsing it. */
import type { Syntax } from './exposition/negotiate.ts'
import { readSpelled } from './exposition/family-draft.ts'
import { parseBody, type ParseBodyOptions } from './exposition/parse-body.ts'
import type { GroupingKey } from './groups/grouping-key.ts'
import {
  preparePush,
  type PrepareOptions,
  type PreparedPush,
  type Rejection,
} from './groups/prepare.ts'
import { TemplateCache } from './templates/template-cache.ts'

export interface ReadPush {
  readonly push: PreparedPush | ({ readonly kind: 'rejected' } & Rejection)
  /** True for an OpenMetrics body without `# EOF`, which may have been cut off. */
  readonly isWithoutEof: boolean
}

export class PushReader {
  private readonly parsing: ParseBodyOptions
  private readonly preparing: PrepareOptions
  private readonly templates: TemplateCache
  /** How many pushes were read by a template. */
  filled = 0

  constructor(parsing: ParseBodyOptions, preparing: PrepareOptions) {
    this.parsing = parsing
    this.preparing = preparing
    this.templates = new TemplateCache(
      (body, grouping) => {
        const { families } = parseBody(body, 'text', parsing)
        const push = preparePush(grouping, families, preparing)
        return push.kind === 'prepared' ? { families: families.map(readSpelled), push } : undefined
      },
      (body, grouping) => this.parseAgain(body, grouping),
    )
  }

  /**
   * Checks a push by all rules that need nothing but itself.
   *
   * @throws InvalidExposition
   * @throws SluiceError invalid_exposition, body_too_large
   */
  read(body: Buffer, syntax: Syntax, grouping: GroupingKey): ReadPush {
    if (syntax === 'text') {
      const push = this.templates.find(body, grouping)
      if (push !== undefined) {
        this.filled++
        return { push, isWithoutEof: false }
      }
    }
    const read = this.parse(body, syntax, grouping)
    if (syntax === 'text' && read.push.kind === 'prepared') {
      this.templates.learn(body, grouping, read.push)
    }
    return read
  }

  /** What a template has made a push of. */
  private parseAgain(body: Buffer, grouping: GroupingKey): PreparedPush {
    const { push } = this.parse(body, 'text', grouping)
    if (push.kind === 'rejected') throw new Error(`a template let a push through: ${push.reason}`)
    return push
  }

  private parse(body: Buffer, syntax: Syntax, grouping: GroupingKey): ReadPush {
    const { families, isWithoutEof } = parseBody(body, syntax, this.parsing)
    return { push: preparePush(grouping, families, this.preparing), isWithoutEof }
  }
}
