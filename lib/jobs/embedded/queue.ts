// Jobs in a file, for the processes of one machine.
import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { Connection, type Run } from '../../database/connection.ts';
import { makeFile } from '../../database/file.ts';
import { Arc2FaceError } from '../../errors.ts';
import { onDisk } from '../../files/on-disk.ts';
import type {
	Added,
	Job,
	JobFilter,
	JobImage,
	JobProgress,
	JobQueue,
	JobState,
	JobWorker,
	NewJob,
	Workshop,
} from '../job.ts';
import { jobStates } from '../job.ts';
import type { PortraitRequest } from '../request.ts';
import { digestOf, otherRequest, seeded } from '../requests.ts';
import type { ResultStore } from '../results.ts';
import { watchJob } from '../watch.ts';
import type { Claimed, Claims, Ending } from './claims.ts';
import { columns, jobOf, mark, requestOf, tables, version } from './tables.ts';
import { EmbeddedWorker } from './worker.ts';

/** So long a process may be silent before others take its jobs. */
const leaseMs = 20_000;
/** What another process did to a job is seen after so long. */
const lookMs = 1_000;

export type EmbeddedOptions = Readonly<{
	/** Where images are. */
	results: ResultStore;
	/** Days that ended jobs are kept. */
	keepDays: number;
}>;

type Lent = { id: string; images: number; attempts: number; failures: number };

/** Keeps jobs in a file. */
export class EmbeddedQueue implements JobQueue, Claims {
	readonly #connection: Connection;
	readonly #results: ResultStore;
	/** Events: a job's id when it changed, `added` when there is something to do, `removed` with an id. */
	readonly changes = new EventEmitter().setMaxListeners(0);
	/** This process, among those that may have leases. */
	readonly #lease = `${hostname()}:${process.pid}:${randomUUID()}`;

	readonly #keepMs: number;

	private constructor(connection: Connection, { results, keepDays }: EmbeddedOptions) {
		this.#connection = connection;
		this.#results = results;
		this.#keepMs = keepDays * 24 * 3600 * 1000;
	}

	/**
	 * @param path - of the file, which is made if it is missing
	 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for another file; `FILE_FAILED`; `LEDGER_DAMAGED`
	 */
	static async open(path: string, options: EmbeddedOptions): Promise<EmbeddedQueue> {
		const file = resolve(path);
		await onDisk('write', file, async () => makeFile(file));
		const connection = new Connection(file);
		try {
			const header = await connection.header();
			const isNew = header?.mark === 0 && header.version === 0;
			if (!isNew && (header?.mark !== mark || header.version !== version)) throw another(file);
			await connection.write(async (run) => {
				const [found] = await run("SELECT count(*) AS tables FROM sqlite_schema WHERE type = 'table'", []);
				if (isNew && Number(found!.tables) > 0) throw another(file);
				if (isNew) await run(tables);
			});
			const queue = new EmbeddedQueue(connection, options);
			await queue.#freeOfDead();
			return queue;
		} catch (error) {
			await connection.close();
			throw error;
		}
	}

	async find(owner: string, request: PortraitRequest, key: string): Promise<Job | undefined> {
		const run: Run = (...query) => this.#connection.run(...query);
		return await found(run, { owner, key, digest: digestOf(request) });
	}

	async add({ owner, request, priority, images, key }: NewJob): Promise<Added> {
		const digest = digestOf(request);
		const id = randomUUID();
		const added = await this.#connection.write(async (run): Promise<Added> => {
			if (key !== undefined) {
				const known = await found(run, { owner, key, digest });
				if (known !== undefined) return { job: known, isNew: false };
			}
			await run(
				`INSERT INTO jobs (id, owner, key, digest, state, priority, images, created, request) VALUES (?, ?, ?, ?, 'queued', ?, ?, ?, ?)`,
				[id, owner, key ?? null, digest, priority, images, Date.now(), JSON.stringify(seeded(request).fields)],
			);
			for (const [name, bytes] of Object.entries(request.files)) {
				await run('INSERT INTO photos (job, name, bytes) VALUES (?, ?, ?)', [id, name, bytes]);
			}
			const [row] = await run(`SELECT ${columns} FROM jobs WHERE id = ?`, [id]);
			return { job: jobOf(row!), isNew: true };
		});
		if (added.isNew) this.changes.emit('added');
		return added;
	}

	async get(owner: string, id: string): Promise<Job | undefined> {
		const [row] = await this.#connection.run(`SELECT ${columns} FROM jobs WHERE owner = ? AND id = ?`, [owner, id]);
		return row && jobOf(row);
	}

	async list(owner: string, { state, limit, after }: JobFilter): Promise<Job[]> {
		const rows = await this.#connection.run(
			`SELECT ${columns} FROM jobs WHERE owner = ?1 AND (?2 IS NULL OR state = ?2)
				AND (?3 IS NULL OR sequence < (SELECT sequence FROM jobs WHERE owner = ?1 AND id = ?3)) ORDER BY sequence DESC LIMIT ?4`,
			[owner, state ?? null, after ?? null, limit],
		);
		return rows.map(jobOf);
	}

	async remove(owner: string, id: string): Promise<boolean> {
		if ((await this.get(owner, id)) === undefined) return false;
		// Files first: where they can't be removed, the job is still there to be removed again.
		await this.#results.remove(id);
		await this.#connection.write(async (run) => {
			await run('DELETE FROM jobs WHERE owner = ? AND id = ?', [owner, id]);
			await run('DELETE FROM photos WHERE job = ?', [id]);
		});
		this.changes.emit('removed', id);
		this.changes.emit(id);
		await this.#results.remove(id); // what was put there meanwhile
		return true;
	}

	watch(owner: string, id: string, signal: AbortSignal): AsyncGenerator<Job> {
		return watchJob(() => this.get(owner, id), { changes: this.changes, id, lookMs, signal });
	}

	async counts(): Promise<Record<JobState, number>> {
		const rows = await this.#connection.run('SELECT state, count(*) AS jobs FROM jobs GROUP BY state', []);
		const counted = new Map(rows.map(({ state, jobs }) => [state, Number(jobs)]));
		return Object.fromEntries(jobStates.map((state) => [state, counted.get(state) ?? 0])) as Record<JobState, number>;
	}

	work(how: Workshop): JobWorker {
		return new EmbeddedWorker(this, how);
	}

	async close(): Promise<void> {
		await this.#connection.close();
	}

	/** Takes jobs that wait, and those of processes that are silent, as long as they fit. @internal */
	async claim(images: number): Promise<Claimed[]> {
		const now = Date.now();
		return await this.#connection.write(async (run) => {
			const rows = await run(
				`SELECT id, images, attempts, failures FROM jobs WHERE (state = 'queued' AND due <= ?1) OR (state = 'running' AND until < ?1)
					ORDER BY priority DESC, sequence LIMIT 64`,
				[now],
			);
			const claimed: Claimed[] = [];
			let room = images;
			for (const row of rows) {
				// The first fits always: it may be larger than everything.
				if (Number(row.images) > room && !(claimed.length === 0 && room === images)) break;
				room -= Number(row.images);
				claimed.push(await this.#lend(run, row as Lent, now));
			}
			return claimed;
		});
	}

	async #lend(run: Run, { id, images, attempts, failures }: Lent, now: number): Promise<Claimed> {
		const [row] = await run(
			`UPDATE jobs SET state = 'running', lease = ?, until = ?, attempts = attempts + 1, started = coalesce(started, ?) WHERE id = ? RETURNING request`,
			[this.#lease, now + leaseMs, now, id],
		);
		const photos = await run('SELECT name, bytes FROM photos WHERE job = ?', [id]);
		return {
			id,
			of: Number(images),
			attempts: Number(attempts) + 1,
			failures: Number(failures),
			request: requestOf(row!.request, photos),
		};
	}

	/** Says that this process lives. @returns those of the jobs that are still its own @internal */
	async renew(ids: readonly string[]): Promise<Set<string>> {
		const rows = await this.#connection.run(
			`UPDATE jobs SET until = ?1 WHERE lease = ?2 AND state = 'running' AND id IN (SELECT value FROM json_each(?3)) RETURNING id`,
			[Date.now() + leaseMs, this.#lease, JSON.stringify(ids)],
		);
		return new Set(rows.map(({ id }) => String(id)));
	}

	/** @internal */
	async report(id: string, progress: JobProgress, images: readonly JobImage[]): Promise<void> {
		await this.#connection.run(
			`UPDATE jobs SET progress = ?1, results = ?2 WHERE id = ?3 AND lease = ?4 AND state = 'running'`,
			[JSON.stringify(progress), JSON.stringify(images), id, this.#lease],
		);
		this.changes.emit(id);
	}

	/** In one transaction, so that a job has ended once, and what was sent with it is gone. @internal */
	async end(id: string, ending: Ending): Promise<void> {
		await this.#connection.write(async (run) => {
			const own = `WHERE id = ? AND lease = ? AND state = 'running'`;
			const now = Date.now();
			if (ending.state === 'queued') {
				const [given, failed] = ending.hasFailed ? [0, 1] : [1, 0];
				await run(
					`UPDATE jobs SET state = 'queued', due = ?, attempts = attempts - ?, failures = failures + ?, lease = NULL, until = NULL, progress = NULL, results = '[]' ${own}`,
					[now + ending.afterMs, given, failed, id, this.#lease],
				);
				return;
			}
			const images = ending.state === 'done' ? ending.images : [];
			const problem = ending.state === 'failed' ? JSON.stringify(ending.problem) : null;
			const [row] = await run(
				`UPDATE jobs SET state = ?, finished = ?, lease = NULL, until = NULL, request = NULL, results = ?, problem = ?,
					progress = json_set(coalesce(progress, json_object('images', 0, 'of', images, 'step', 0, 'steps', 0)), '$.images', ?) ${own} RETURNING id`,
				[ending.state, now, JSON.stringify(images), problem, images.length, id, this.#lease],
			);
			if (row !== undefined) await run('DELETE FROM photos WHERE job = ?', [id]);
		});
		this.changes.emit(ending.state === 'queued' ? 'added' : id);
		// Who removed it may have done so before its last file was there.
		const [row] = await this.#connection.run('SELECT id FROM jobs WHERE id = ?', [id]);
		if (row === undefined) await this.#results.remove(id);
	}

	/** @internal */
	async sweep(): Promise<void> {
		const before = Date.now() - this.#keepMs;
		const rows = await this.#connection.run('SELECT owner, id FROM jobs WHERE finished < ?', [before]);
		for (const { owner, id } of rows) await this.remove(String(owner), String(id));
	}

	/** Jobs of processes of this machine that are gone need not wait until their lease is over. */
	async #freeOfDead(): Promise<void> {
		await this.#connection.write(async (run) => {
			const rows = await run("SELECT DISTINCT lease FROM jobs WHERE state = 'running'", []);
			for (const { lease } of rows) {
				const [host, pid] = String(lease).split(':');
				if (host !== hostname() || isAlive(Number(pid))) continue;
				await run("UPDATE jobs SET until = 0 WHERE state = 'running' AND lease = ?", [String(lease)]);
			}
		});
	}
}

async function found(
	run: Run,
	{ owner, key, digest }: { owner: string; key: string; digest: string },
): Promise<Job | undefined> {
	const [row] = await run(`SELECT ${columns} FROM jobs WHERE owner = ? AND key = ?`, [owner, key]);
	if (row !== undefined && row.digest !== digest) throw otherRequest(key);
	return row && jobOf(row);
}

function isAlive(pid: number): boolean {
	// The number may have gone to this process, which has no jobs yet.
	if (pid === process.pid) return false;
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === 'EPERM';
	}
}

function another(file: string): Arc2FaceError {
	return new Arc2FaceError('INVALID_ARGUMENT', `${file} is no file of jobs of this version.`, {
		...{ remedy: 'Choose another name: a new file is made.', details: { option: 'jobs', file } },
	});
}
