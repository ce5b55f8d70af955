/**
 * Keeps a database and its statements for as long as the process runs, one statement for each text. Compiled against
 * the headers of Node 24.19 and newer, better-sqlite3 12 aborts the process when an object of its own is collected as
 * garbage (a node::ObjectWrap that goes where there is no environment: "Assertion failed: (env) != nullptr"). For the
 * same reason nothing here uses `iterate` and `pragma`, which make objects of their own at each call.
 */
import type { Database, Statement } from 'better-sqlite3'

const kept: object[] = []

/** From now on `db.prepare` gives the same statement for the same text. Returns the database. */
export function keepStatements(db: Database): Database {
  const statements = new Map<string, Statement>()
  const prepare = db.prepare.bind(db)
  db.prepare = ((sql: string) => {
    let statement = statements.get(sql)
    if (statement === undefined) {
      statement = prepare(sql)
      statements.set(sql, statement)
    }
    return statement
  }) as typeof db.prepare
  kept.push({ db, statements })
  return db
}
