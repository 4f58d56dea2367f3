import { WRITES } from '../../src/testing/tables.ts'
import type { Admin } from './admin.ts'

/** A procedure that begins a transaction, writes a row and fails. */
export const PROCEDURE = 'tk_storm_write_and_fail'

/** Creates the procedure in a tenant's database. */
export async function createProcedure(admin: Admin, database: string): Promise<void> {
  await admin.sql(
    `CREATE PROCEDURE ${database}.${PROCEDURE} (operation INT, part INT, tag VARCHAR(64))
     SQL SECURITY INVOKER
     BEGIN
       START TRANSACTION;
       INSERT INTO ${WRITES} (operation, part, tag) VALUES (operation, part, tag);
       SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'as planned';
     END`,
  )
}
