// The consent ledger: who may be painted, for what, and what was painted.
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import type { Run } from '../database/connection.ts';
import { Arc2FaceError } from '../errors.ts';
import { canonical } from '../files/canonical.ts';
import { FileDigests, sha256 } from '../files/digests.ts';
import { Identity, type IdentityLike } from '../identity.ts';
import { check, describe, invalid, type Rule, rules } from '../options/check.ts';
import {
	type AskedConsent,
	type Consents,
	type ConsentTerms,
	checkChoice,
	type OpenOptions,
	type Person,
	type RecordChoice,
	requireChoice,
	resolveTerms,
} from '../options/consent.ts';
import type { Recipe } from '../options/recipe.ts';
import { type AuditReport, auditOf } from './audit.ts';
import { type EndedConsent, endRecord, paintedUnder } from './ending.ts';
import { type Kind, type OpenedFile, openFile, overwriteDeleted } from './file.ts';
import { type Entry, type Event, endOfNew, Log, type LogEntry, type LogHead, logTables } from './log.ts';
import { alikeTo, permit } from './permission.ts';
import { type ConsentRecord, Records } from './records.ts';
import { refused } from './refusals.ts';
import { evidenceDigest, identityDigest, privateTables } from './secrets.ts';

/** @internal */
export const ledgerKind: Kind = {
	...{ mark: 'A2CL', name: 'consent ledger', command: 'arc2face consent add', needsKey: false },
	tables: logTables + privateTables,
	start: (id, keys) => ['end', endOfNew(id, keys)],
};

/** A new record of a {@link ConsentLedger}. */
export interface NewConsent extends ConsentTerms {
	/** Whom the record is about, to be recognised by; kept encrypted, in a ledger with a key. */
	identity?: IdentityLike | undefined;
}

/** All that a {@link ConsentLedger} has, but for identities and what proves consent. */
export interface LedgerExport {
	/** The form of this. */
	readonly format: 1;
	/** Random, for ever the ledger's. */
	readonly ledger: string;
	/** The last row of the log. */
	readonly head: LogHead;
	/** As `list` tells them. */
	readonly records: readonly ConsentRecord[];
	/** The rows of the log, or those about the subject that was asked for. */
	readonly log: readonly LogEntry[];
}

/**
 * A file of who consented to be painted, for `consent` of `load`, and of what was painted under which record. Several processes may use it at
 * once; what a call has written is on the disk when it resolves; none of its calls blocks the event loop.
 */
export class ConsentLedger implements Consents {
	/** Absolute path. */
	readonly file: string;
	readonly #opened: OpenedFile;
	readonly #log: Log;
	readonly #records = new Records();
	readonly #threshold: number | undefined;
	#disposal: Promise<void> | undefined;

	private constructor(opened: OpenedFile, threshold: number | undefined) {
		this.file = opened.file;
		this.#opened = opened;
		this.#log = new Log(opened);
		this.#threshold = threshold;
	}

	/**
	 * The first call that uses the log reads and checks all of it, each later one what was added since.
	 *
	 * @param path - or a `file:` URL
	 * @param options - its key, if it has one, and whether it is new
	 * @throws {Arc2FaceError} `INVALID_ARGUMENT`, also for a wrong key and for another file, which stays as it is; `FILE_FAILED`;
	 *   `LEDGER_DAMAGED`
	 */
	static async open(path: string | URL, options: OpenOptions = {}): Promise<ConsentLedger> {
		return new ConsentLedger(await openFile(path, ledgerKind, options), options.threshold);
	}

	/**
	 * Records that a person consented.
	 *
	 * @param consent - who, to what
	 * @throws {Arc2FaceError} `INVALID_ARGUMENT`, also for an identity in a ledger without a key; `FILE_FAILED`; `LEDGER_DAMAGED`
	 */
	async add(consent: NewConsent): Promise<ConsentRecord> {
		const { evidence: given, evidenceFile, ...terms } = resolveTerms(consent, { identity: anyIdentity });
		const embedding = consent.identity === undefined ? undefined : Identity.from(consent.identity).embedding;
		const { keys } = this.#opened;
		if (embedding !== undefined && keys === undefined) {
			throw invalid('none in a ledger without a key', 'identity', 'one', 'Make a ledger with a key.');
		}
		const digest = evidenceFile === undefined ? given : await new FileDigests().sha256(resolve(evidenceFile));
		const record = randomBytes(8).toString('hex');
		const salt = () => randomBytes(32).toString('hex');
		const evidence = digest === undefined ? undefined : { salt: salt(), digest };
		const identity = embedding && { salt: salt(), sealed: keys!.encrypt(embedding, record) };
		await this.#write(async (run, log) => {
			await log({
				...{ kind: 'add', record, ...terms },
				...(evidence && { evidence: evidenceDigest(evidence) }),
				...(identity && { identity: identityDigest(identity) }),
			});
			if (evidence) await run('INSERT INTO evidence VALUES (?, ?, ?)', [record, evidence.salt, evidence.digest]);
			if (identity) await run('INSERT INTO identities VALUES (?, ?, ?)', [record, identity.salt, identity.sealed]);
		});
		return (await this.list({ record }))[0]!;
	}

	/**
	 * In the order in which they were added.
	 *
	 * @param choice - which (default: all)
	 * @throws {Arc2FaceError} `INVALID_ARGUMENT`; `FILE_FAILED`; `LEDGER_DAMAGED`
	 */
	async list(choice: RecordChoice = {}): Promise<ConsentRecord[]> {
		checkChoice('list', choice);
		return await this.#read(async () => this.#records.all(choice));
	}

	/**
	 * Ends consent. From now on nothing is painted under the records, by any process that has the ledger open; their identities are removed,
	 * of which no copy is left in the file.
	 *
	 * @param choice - which records; may be revoked already
	 * @returns what was painted under them
	 * @throws {Arc2FaceError} `INVALID_ARGUMENT`, also if there are none; `FILE_FAILED`; `LEDGER_DAMAGED`
	 */
	async revoke(choice: RecordChoice): Promise<EndedConsent> {
		return await this.#end('revoke', choice);
	}

	/**
	 * Revokes, and also removes the digests of what proves consent. The log keeps subject, purpose, dates, and digests that tell nothing any more.
	 *
	 * @param choice - as for {@link revoke}
	 * @returns as of {@link revoke}
	 * @throws {Arc2FaceError} as {@link revoke}
	 */
	async erase(choice: RecordChoice): Promise<EndedConsent> {
		return await this.#end('erase', choice);
	}

	/**
	 * @param choice - whose records and rows (default: all)
	 * @throws {Arc2FaceError} `INVALID_ARGUMENT`; `FILE_FAILED`; `LEDGER_DAMAGED`
	 */
	async export(choice: RecordChoice = {}): Promise<LedgerExport> {
		checkChoice('export', choice);
		const log: Entry[] = [];
		return await this.#read(async (run) => {
			const records = this.#records.all(choice);
			const ids = new Set(records.map(({ id }) => id));
			const isAll = Object.values(choice).every((value) => value === undefined);
			const take = (entry: Entry) => {
				if (isAll || ids.has(entry.record ?? '')) log.push(entry);
			};
			await new Log(this.#opened).readOn(run, take);
			return { format: 1, ledger: this.#opened.id, head: this.#log.last, records, log };
		});
	}

	/**
	 * Checks the whole log and what belongs to its records, and goes on where something is wrong.
	 *
	 * @param options - what else is known of the log
	 * @param options.head - a row and its digest that an earlier audit or export told: the log has to have it still
	 * @throws {Arc2FaceError} `INVALID_ARGUMENT`; `FILE_FAILED`; `LEDGER_DAMAGED` for a file that is no whole database
	 */
	async audit(options: { head?: LogHead | undefined } = {}): Promise<AuditReport> {
		check('audit', options, { head: rules.object });
		const { head } = options;
		this.#requireOpen();
		return await this.#opened.connection.read((run) => auditOf(run, this.#opened, head));
	}

	/**
	 * The digest by which the log tells an image: SHA-256 of the recipe as canonical JSON, keyed if the ledger is.
	 *
	 * @param recipe - of an image, as `recipe()` gives it
	 * @returns in lower-case hexadecimal
	 * @throws {Arc2FaceError} `DISPOSED`
	 */
	recipeDigest(recipe: Recipe): string {
		this.#requireOpen();
		const text = `recipe ${canonical(recipe)}`;
		return this.#opened.keys?.seal(text) ?? sha256(`${this.#opened.id} ${text}`);
	}

	/** @hidden */
	async permit(people: readonly Person[], asked: AskedConsent, threshold: number): Promise<string[]> {
		const least = this.#threshold ?? threshold;
		return await this.#read((run) => permit(run, this.#opened, this.#records, people, { ...asked, least }));
	}

	/** @hidden */
	async logPreviews(records: readonly string[], asked: AskedConsent): Promise<void> {
		await this.#write(async (_, log) => {
			for (const record of new Set(records)) {
				this.#requireValid(record, asked);
				await log({ kind: 'preview', record, ...asked });
			}
		});
	}

	/** @hidden */
	async logPainted(records: readonly string[], asked: AskedConsent, recipe: Recipe | undefined): Promise<void> {
		const digest = recipe && this.recipeDigest(recipe);
		await this.#write(async (_, log) => {
			for (const record of new Set(records)) {
				this.#requireValid(record, asked);
				await log({ kind: 'paint', record, ...asked, recipe: digest });
			}
		});
	}

	/** @hidden */
	async logEncoded(embedding: Float32Array, threshold: number): Promise<void> {
		await this.#write(async (run, log) => {
			const record = await this.#alike(run, embedding, this.#threshold ?? threshold);
			await log({ kind: 'encode', record });
		});
	}

	/** Closes the file, after the calls that are at work. May be called any number of times. */
	dispose(): Promise<void> {
		this.#disposal ??= this.#opened.connection.close().finally(() => this.#opened.keys?.dispose());
		return this.#disposal;
	}

	/** Calls `dispose`: for `await using`. */
	[Symbol.asyncDispose](): Promise<void> {
		return this.dispose();
	}

	async #end(kind: 'revoke' | 'erase', choice: RecordChoice): Promise<EndedConsent> {
		requireChoice(kind, choice);
		const records = await this.#write(async (run, log) => {
			const chosen = this.#records.all(choice);
			if (chosen.length === 0)
				throw invalid(
					'one of a record in the ledger',
					choice.subject === undefined ? 'record' : 'subject',
					describe(choice.subject ?? choice.record),
				);
			for (const record of chosen) await endRecord(run, log, kind, record);
			return chosen.map(({ id }) => id);
		});
		// Also where all was deleted before: then it may have been this that failed.
		await overwriteDeleted(this.#opened);
		return await this.#read((run) => paintedUnder(run, records));
	}

	/** The record whose identity is most alike. */
	async #alike(run: Run, embedding: Float32Array, least: number): Promise<string | undefined> {
		const [[best] = []] = await alikeTo(run, this.#opened, [embedding], least);
		return best;
	}

	#requireValid(record: string, asked: AskedConsent): void {
		const { valid, reason } = this.#records.answer([record], asked);
		if (valid.length > 0) return;
		throw refused(reason, { subject: this.#records.all({ record })[0]?.subject }, asked, record);
	}

	/** With what the log tells up to now. */
	#read<T>(work: (run: Run) => Promise<T>): Promise<T> {
		this.#requireOpen();
		return this.#opened.connection.read(async (run) => {
			await this.#log.readOn(run, (entry) => this.#records.take(entry));
			return await work(run);
		});
	}

	#write<T>(work: (run: Run, log: (event: Event) => Promise<void>) => Promise<T>): Promise<T> {
		this.#requireOpen();
		return this.#opened.connection.write(async (run) => {
			await this.#log.readOn(run, (entry) => this.#records.take(entry));
			return await work(run, this.#log.adder(run));
		});
	}

	#requireOpen(): void {
		if (this.#disposal === undefined) return;
		throw new Arc2FaceError('DISPOSED', 'The ledger was closed.', { remedy: 'Open it again.' });
	}
}

const anyIdentity: Rule = { expected: 'an identity', fits: (value) => value !== undefined };
