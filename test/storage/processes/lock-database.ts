/** Holds the write lock of the database of its argument until it is told to let go. */
import SqliteDatabase from 'better-sqlite3'

export type Locked = 'locked' | 'released'

const [, , file = ''] = process.argv
const db = new SqliteDatabase(file, { fileMustExist: true })
db.exec('BEGIN IMMEDIATE')
process.on('message', () => {
  db.exec('COMMIT')
  process.send?.('released')
})
process.send?.('locked')
