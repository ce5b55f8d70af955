/** The layouts of a database, each read once by this process, and how many live groups have each. */
import type { Database, Statement } from 'better-sqlite3'
import type { FamilyDescription } from '../group-store.ts'
import { KnownLayouts, layoutId, layoutText, parseLayout, type Layout } from '../layout.ts'
import { DamagedRow } from './errors.ts'

export class LayoutTable {
  /** Ids are digests: what is known of one stays right, whatever becomes of its row. */
  private readonly known = new KnownLayouts()
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

  /** @throws DamagedRow when there is none of this id, or not as it was written */
  get(id: string): Layout {
    const known = this.known.get(id)
    if (known !== undefined) return known
    const text = this.find.get(id)
    if (text === undefined) throw new DamagedRow(`the layout ${id} of a group is missing`)
    if (layoutId(text) !== id) throw new DamagedRow(`the layout ${id} reads otherwise`)
    return this.known.add(parseLayout(id, text))
  }

  /** The layout of families that are sorted by name, whether it is in the table or not. */
  of(families: readonly FamilyDescription[]): Layout {
    return this.known.of(families)
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
}
