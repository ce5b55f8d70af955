/** The layouts of a database, each read once by this process, and how many live groups have each. */
import type { Database, Statement } from 'better-sqlite3'
import type { FamilyDescription } from '../group-store.ts'
import { DamagedRow } from './errors.ts'
import { hasLayout, layoutId, layoutText, parseLayout, type Layout } from './layout.ts'

/** More than a store has of them, unless each group has its own. */
const KNOWN_MAX = 4096

export class LayoutTable {
  /** Ids are digests: what is known of one stays right, whatever becomes of its row. */
  private readonly known = new Map<string, Layout>()
  /** The one that a group was given last: of a fleet that is new, all have it. */
  private recent: Layout | undefined
  private readonly find: Statement<[string], string>
  private readonly add: Statement<[string, string]>
  private readonly take: Statement<[string]>
  private readonly give: Statement<[string]>
  private readonly drop: Statement<[string]>

  constructor(db: Database) {
    this.find = db.prepare<[string], string>('SELECT families FROM layouts WHERE id = ?').pluck()
    this.add = db.prepare('INSERT INTO layouts (id, families, groups) VALUES (?, ?, 1)')
    this.take = db.prepare('UPDATE layouts SET groups = groups + 1 WHERE id = ?')
    this.give = db.prepare('UPDATE layouts SET groups = groups - 1 WHERE id = ?')
    this.drop = db.prepare('DELETE FROM layouts WHERE id = ? AND groups = 0')
  }

  /** @throws DamagedRow when there is none of this id */
  get(id: string): Layout {
    const known = this.known.get(id)
    if (known !== undefined) return known
    const text = this.find.get(id)
    if (text === undefined) throw new DamagedRow(`the layout ${id} of a group is missing`)
    return this.remember(parseLayout(id, text))
  }

  /** The layout of families that are sorted by name, whether it is in the table or not. */
  of(families: readonly FamilyDescription[]): Layout {
    if (this.recent !== undefined && hasLayout(families, this.recent)) return this.recent
    const text = layoutText(families)
    const id = layoutId(text)
    // Parsed anew: parts of the strings of a push would keep all of its body in memory.
    this.recent = this.known.get(id) ?? this.remember(parseLayout(id, text))
    return this.recent
  }

  /** One group has `after` from now on, and `before` no more; '' is none. */
  move(before: string, after: Layout | undefined): void {
    if (before === after?.id) return
    if (after !== undefined && this.take.run(after.id).changes === 0) {
      this.add.run(after.id, layoutText(after.families))
    }
    if (before === '') return
    this.give.run(before)
    this.drop.run(before)
  }

  private remember(layout: Layout): Layout {
    if (this.known.size >= KNOWN_MAX) this.known.clear()
    this.known.set(layout.id, layout)
    return layout
  }
}
