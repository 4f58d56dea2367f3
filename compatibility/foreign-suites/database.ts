import { randomBytes } from 'node:crypto'
import mysql from 'mysql2/promise'

/** The initial content of a database. */
export interface Contents {
  readonly charset: string
  /** SQL that creates its tables. */
  readonly tables: string
}

/** Runs a function with two new databases, one for a neighbour. Both are dropped afterwards. */
export async function withDatabase<T>(
  serverUrl: string,
  { charset, tables }: Contents,
  use: (database: string) => Promise<T>,
): Promise<T> {
  const database = `tk_foreign_${randomBytes(4).toString('hex')}`
  const names = [database, `${database}_neighbour`]
  const admin = await mysql.createConnection({ uri: serverUrl, multipleStatements: true })
  try {
    for (const name of names) {
      await admin.query('CREATE DATABASE ?? CHARACTER SET ?', [name, charset])
    }
    await admin.query(`CREATE TABLE ${database}_neighbour.traces (id INT)`)
    await admin.query(`USE ${database};\n${tables}`)
    return await use(database)
  } finally {
    for (const name of names) await admin.query('DROP DATABASE IF EXISTS ??', [name])
    await admin.end()
  }
}
