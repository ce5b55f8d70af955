/** The templates of the bodies that were pushed lately, bounded in bytes; the least used go first. */
import type { GroupingKey } from '../groups/grouping-key.ts'
import type { PreparedPush } from '../groups/prepare.ts'
import { buildTemplate, type Understand } from './build-template.ts'
import type { Parse, PushTemplate } from './push-template.ts'

export interface TemplateLimits {
  /** Of all templates together. */
  readonly bytesMax: number
  /** Larger bodies are not learnt. */
  readonly bodyBytesMax: number
}

export const TEMPLATE_LIMITS: TemplateLimits = {
  bytesMax: 32 * 1024 * 1024,
  bodyBytesMax: 4 * 1024 * 1024,
}

/** Bodies of different skeletons may begin alike. */
const ALTERNATIVES_MAX = 4
/** How many beginnings are remembered of which there is no template yet. */
const PLACES_MAX = 4096
/** Learning costs as much as three pushes: bodies that differ each time are not learnt again and again. */
const LESSONS = 4
const USES_PER_LESSON = 64

/** Bodies that begin with the same line, for groups with the same label names. */
interface Place {
  /** The one used last comes first. */
  readonly templates: PushTemplate[]
  /** Digests of pushes that were seen once, the last one first. */
  seen: string[]
  lessons: number
  uses: number
}

export class TemplateCache {
  private readonly understand: Understand
  private readonly parse: Parse
  private readonly limits: TemplateLimits
  /** The one used last comes last. */
  private readonly places = new Map<string, Place>()
  private bytes = 0

  /** @param parse makes a push of a body by itself, for those of which the series are asked for */
  constructor(understand: Understand, parse: Parse, limits = TEMPLATE_LIMITS) {
    this.understand = understand
    this.parse = parse
    this.limits = limits
  }

  /** About what all templates take up. */
  get byteCount(): number {
    return this.bytes
  }

  /** The push that a body is, by its template; undefined where there is none. */
  find(body: Buffer, grouping: GroupingKey): PreparedPush | undefined {
    const id = placeOf(body, grouping)
    const place = this.places.get(id)
    if (place === undefined) return undefined
    const { templates } = place
    for (let i = 0; i < templates.length; i++) {
      const template = templates[i]!
      const push = template.fill(body, grouping, this.parse)
      if (push === undefined) continue
      if (i > 0) {
        templates.splice(i, 1)
        templates.unshift(template)
      }
      if (++place.uses === USES_PER_LESSON) {
        place.uses = 0
        if (place.lessons < LESSONS) place.lessons++
        this.touch(id, place)
      }
      return push
    }
    return undefined
  }

  /** Learns the template of a body that was parsed for want of one, once its kind has come twice. */
  learn(body: Buffer, grouping: GroupingKey, push: PreparedPush): void {
    if (body.length > this.limits.bodyBytesMax) return
    const id = placeOf(body, grouping)
    if (id.length > PLACE_LENGTH_MAX) return
    const place = this.places.get(id) ?? { templates: [], seen: [], lessons: LESSONS, uses: 0 }
    this.touch(id, place)
    if (!place.seen.includes(push.shape)) {
      place.seen = [push.shape, ...place.seen.slice(0, ALTERNATIVES_MAX - 1)]
    } else if (place.lessons > 0) {
      place.lessons--
      const template = buildTemplate(body, grouping, push, this.understand)
      if (template !== undefined) this.keep(place, template)
    }
    this.shrink()
  }

  private keep(place: Place, template: PushTemplate): void {
    place.templates.unshift(template)
    this.bytes += template.byteCost
    if (place.templates.length > ALTERNATIVES_MAX) this.bytes -= place.templates.pop()!.byteCost
  }

  private touch(id: string, place: Place): void {
    this.places.delete(id)
    this.places.set(id, place)
  }

  private shrink(): void {
    for (const [id, { templates }] of this.places) {
      if (this.bytes <= this.limits.bytesMax && this.places.size <= PLACES_MAX) return
      this.places.delete(id)
      for (const { byteCost } of templates) this.bytes -= byteCost
    }
  }
}

const BEGINNING_MAX = 200
/** Of longer ones nothing is learnt: label names may take up as much as a URL. */
const PLACE_LENGTH_MAX = 1000
const HASH = 0x23
const LINE_FEED = 0x0a
const SPACE = 0x20
const BRACE_OPEN = 0x7b

function placeOf(body: Buffer, { labels }: GroupingKey): string {
  let id = ''
  // With their lengths: a name may hold anything, also what would end it.
  for (const { name } of labels) id += `${name.length} ${name} `
  const max = Math.min(body.length, BEGINNING_MAX)
  // Without a comment the first line already has a value in it.
  const isComment = body[0] === HASH
  let end = 0
  while (end < max && body[end] !== LINE_FEED) {
    if (!isComment && (body[end] === SPACE || body[end] === BRACE_OPEN)) break
    end++
  }
  return id + body.toString('latin1', 0, end)
}
