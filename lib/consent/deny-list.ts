// People who must not be painted: their embeddings go into the file, and never come out.
import { randomBytes } from 'node:crypto';
import type { Row, Run } from '../database/connection.ts';
import { Arc2FaceError } from '../errors.ts';
import { canonical } from '../files/canonical.ts';
import { Identity, type IdentityLike } from '../identity.ts';
import { describe, invalid } from '../options/check.ts';
import { type Denials, denials, type OpenOptions, type Person, referenceRule } from '../options/consent.ts';
import { type Kind, type OpenedFile, openFile, overwriteDeleted } from './file.ts';
import { compareAll, type Place } from './identities.ts';
import { denied } from './refusals.ts';

/** @internal */
export const denyListKind: Kind = {
	...{ mark: 'A2DL', name: 'deny list', command: 'arc2face deny add', needsKey: true },
	tables:
		'CREATE TABLE people (id TEXT PRIMARY KEY, subject TEXT NOT NULL, added TEXT NOT NULL, sealed BLOB NOT NULL) STRICT;',
	start: (_, keys) => ['people', keys!.seal(textOf([]))],
};

/** Somebody on a {@link DenyList}. */
export interface DeniedPerson {
	/** How the person is called elsewhere. */
	readonly subject: string;
	/** How many identities there are of them. */
	readonly identities: number;
	/** When the first of these was added, as an ISO date. */
	readonly added: string;
}

/**
 * A file of people who must not be painted, for `denyList` of `load`. It holds their identities, encrypted, and gives none out. Several
 * processes may use it at once; none of its calls blocks the event loop.
 */
export class DenyList implements Denials {
	/** Absolute path. */
	readonly file: string;
	readonly #opened: OpenedFile;
	readonly #place: Place;
	readonly #threshold: number | undefined;
	#disposal: Promise<void> | undefined;

	private constructor(opened: OpenedFile, threshold: number | undefined) {
		this.file = opened.file;
		this.#opened = opened;
		this.#place = { ...opened, table: 'people', bindingOf: (row) => this.#bindingOf(row) };
		this.#threshold = threshold;
		denials.set(this, (people, usual) => this.#requireNone(people, usual));
	}

	/**
	 * @param path - or a `file:` URL
	 * @param options - its key, which it needs, and whether it is new
	 * @throws {Arc2FaceError} `INVALID_ARGUMENT`, also for a wrong key and for another file, which stays as it is; `FILE_FAILED`;
	 *   `LEDGER_DAMAGED`
	 */
	static async open(path: string | URL, options: OpenOptions): Promise<DenyList> {
		return new DenyList(await openFile(path, denyListKind, options), options.threshold);
	}

	/**
	 * @param subject - how you call the person elsewhere, 1–200 characters; may be there already: each identity counts
	 * @param identity - whom they look like
	 * @throws {Arc2FaceError} `INVALID_ARGUMENT`; `FILE_FAILED`; `LEDGER_DAMAGED`
	 */
	async add(subject: string, identity: IdentityLike): Promise<void> {
		const { embedding } = Identity.from(identity);
		this.#requireSubject(subject);
		const row = { id: randomBytes(8).toString('hex'), subject, added: new Date().toISOString() };
		const sealed = this.#keys.encrypt(embedding, this.#bindingOf(row));
		await this.#change((run) =>
			run('INSERT INTO people VALUES (?, ?, ?, ?)', [row.id, row.subject, row.added, sealed]),
		);
	}

	/**
	 * Takes a person off the list, with all identities; no copy is left in the file.
	 *
	 * @param subject - of the person
	 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for one that is not there; `FILE_FAILED`; `LEDGER_DAMAGED`
	 */
	async remove(subject: string): Promise<void> {
		this.#requireSubject(subject);
		await this.#change(async (run) => {
			const found = await run('SELECT id FROM people WHERE subject = ?', [subject]);
			if (found.length === 0) throw invalid('one that is on the list', 'subject', describe(subject));
			await run('DELETE FROM people WHERE subject = ?', [subject]);
		});
		await overwriteDeleted(this.#opened);
	}

	/**
	 * In the order in which they were added.
	 *
	 * @throws {Arc2FaceError} `FILE_FAILED`; `LEDGER_DAMAGED`
	 */
	async list(): Promise<DeniedPerson[]> {
		const rows = await this.#read(async (run) => {
			await this.#requireWhole(run);
			return await run(
				'SELECT subject, count(*) AS identities, min(added) AS added FROM people GROUP BY subject ORDER BY 3, 1',
				[],
			);
		});
		return rows.map(({ subject, identities, added }) => ({
			...{ subject: String(subject), identities: Number(identities), added: String(added) },
		}));
	}

	async #requireNone(people: readonly Person[], usual: number): Promise<void> {
		const least = this.#threshold ?? usual;
		const embeddings = people.map(({ embedding }) => embedding);
		const found = new Set<number>();
		await this.#read(async (run) => {
			await this.#requireWhole(run);
			await compareAll(run, this.#place, embeddings, (_, similarities) => {
				for (const [i, similarity] of similarities.entries()) if (!(similarity < least)) found.add(i);
			});
		});
		const first = people.find((_, i) => found.has(i));
		if (first !== undefined) throw denied(first);
	}

	/** Closes the file. May be called any number of times. */
	dispose(): Promise<void> {
		this.#disposal ??= this.#opened.connection.close().finally(() => this.#keys.dispose());
		return this.#disposal;
	}

	/** Calls `dispose`: for `await using`. */
	[Symbol.asyncDispose](): Promise<void> {
		return this.dispose();
	}

	get #keys() {
		return this.#opened.keys!; // it is needed
	}

	#read<T>(work: (run: Run) => Promise<T>): Promise<T> {
		this.#requireOpen();
		return this.#opened.connection.read(work);
	}

	/** With a seal over what is there afterwards, so that a row that somebody removes without the key is missed. */
	#change(work: (run: Run) => Promise<unknown>): Promise<void> {
		this.#requireOpen();
		return this.#opened.connection.write(async (run) => {
			await this.#requireWhole(run);
			await work(run);
			const seal = this.#keys.seal(await peopleIn(run));
			await run("UPDATE meta SET value = ? WHERE name = 'people'", [seal]);
		});
	}

	async #requireWhole(run: Run): Promise<void> {
		const [seal] = await run("SELECT value FROM meta WHERE name = 'people'", []);
		if (this.#keys.isSealOf(await peopleIn(run), seal?.value)) return;
		throw new Arc2FaceError(
			'LEDGER_DAMAGED',
			`The deny list ${this.file} was changed without its key: somebody was removed or added.`,
			{ remedy: 'Take a copy of the file from before.', details: { file: this.file } },
		);
	}

	#bindingOf({ id, subject, added }: Row): string {
		return canonical(['deny', id, subject, added]);
	}

	#requireSubject(subject: unknown): void {
		if (!referenceRule.fits(subject)) throw invalid(referenceRule.expected, 'subject', describe(subject));
	}

	#requireOpen(): void {
		if (this.#disposal === undefined) return;
		throw new Arc2FaceError('DISPOSED', 'The deny list was closed.', { remedy: 'Open it again.' });
	}
}

/** What the list has, as one text; what is in a row is bound to its id. */
async function peopleIn(run: Run): Promise<string> {
	return textOf(await run('SELECT id FROM people ORDER BY id', []));
}

function textOf(rows: readonly Row[]): string {
	return `people ${rows.map(({ id }) => id).join(' ')}`;
}
