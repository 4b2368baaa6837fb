// Whether a ledger is whole: its log from the first row to the last, and what is kept beside it.
import type { Run } from '../database/connection.ts';
import type { OpenedFile } from './file.ts';
import { bytesOf } from './identities.ts';
import { type Event, Log, type LogFault, type LogHead } from './log.ts';
import { Records } from './records.ts';
import { evidenceDigest, identityDigest } from './secrets.ts';

/** What an audit of a {@link ConsentLedger} found. */
export interface AuditReport {
	/** How many rows the log has. */
	readonly rows: number;
	/** How many records. */
	readonly records: number;
	/** The last row: kept elsewhere, it shows later that the log was not cut short. */
	readonly head: LogHead;
	/** Whether rows and end are sealed with a key: without one, whoever can write the file can write another log. */
	readonly isSealed: boolean;
	/** What is wrong, by row of the log and by record; empty of a ledger that is whole. */
	readonly faults: readonly LedgerFault[];
}

/** Something that is wrong in a ledger. */
export interface LedgerFault {
	/** Of the log; absent for what is kept beside it. */
	readonly row?: number;
	/** Which record it is about, where that is known. */
	readonly record?: string;
	/** What is wrong. */
	readonly problem: string;
}

/** @param known - the log has to have this row */
export async function auditOf(run: Run, opened: OpenedFile, known: LogHead | undefined): Promise<AuditReport> {
	const faults: LedgerFault[] = [];
	const log = new Log(opened);
	const records = new Records();
	await log.readOn(
		run,
		(entry) => records.take(entry),
		(fault: LogFault) => faults.push(fault),
	);
	const all = records.all();
	for (const { id, hasIdentity, hasEvidence } of all) {
		const event = records.event(id)!;
		const [identity] = await run('SELECT * FROM identities WHERE id = ?', [id]);
		const [proof] = await run('SELECT * FROM evidence WHERE id = ?', [id]);
		const sealed = identity && { salt: String(identity.salt), sealed: bytesOf(identity.sealed) };
		const digest = proof && { salt: String(proof.salt), digest: String(proof.digest) };
		const problems = [
			...compared('identity', hasIdentity, event, sealed && identityDigest(sealed)),
			...compared('evidence', hasEvidence, event, digest && evidenceDigest(digest)),
		];
		for (const problem of problems) faults.push({ record: id, problem });
	}
	for (const { id } of await run('SELECT id FROM identities UNION SELECT id FROM evidence', [])) {
		const record = String(id);
		if (records.event(record) === undefined) faults.push({ record, problem: 'the log knows of no such record' });
	}
	if (known !== undefined && !(await hasRow(run, known))) {
		faults.push({ row: known.row, problem: 'it is not the row that the log had before' });
	}
	const { head, rows } = { head: log.last, rows: log.last.row };
	return { rows, records: all.length, head, isSealed: opened.keys !== undefined, faults };
}

/** What is wrong with what is kept, or not, of a record. */
function compared(name: 'identity' | 'evidence', isExpected: boolean, event: Event, found: string | undefined) {
	const told = name === 'identity' ? 'identity' : 'digest of its evidence';
	if (!isExpected)
		return found === undefined ? [] : [`its ${told} is there although it was removed, or there was none`];
	if (found === undefined) return [`its ${told} is missing`];
	return found === (event as Extract<Event, { kind: 'add' }>)[name] ? [] : [`its ${told} was changed`];
}

async function hasRow(run: Run, { row, hash }: LogHead): Promise<boolean> {
	if (row === 0) return true;
	const [found] = await run('SELECT hash FROM log WHERE row = ?', [row]);
	return found?.hash === hash;
}
