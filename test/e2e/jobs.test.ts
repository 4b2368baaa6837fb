// Queues of jobs: one suite for the file and for Redis, with a painter that the test holds in its hands.
import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { Arc2FaceError } from '../../lib/errors.ts';
import { EmbeddedQueue } from '../../lib/jobs/embedded/queue.ts';
import {
	type Job,
	type JobQueue,
	type JobState,
	type JobWorker,
	StoreAway,
	type Workshop,
} from '../../lib/jobs/job.ts';
import { RedisQueue } from '../../lib/jobs/redis/queue.ts';
import type { Perform, PortraitRequest, Told } from '../../lib/jobs/request.ts';
import { FolderResults } from '../../lib/jobs/results.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { noRedis, TestRedis } from '../redis.ts';

const folder = temporaryFolder();
const results = new FolderResults(folder.path('results'));
const explain = (error: unknown) => ({ code: error instanceof Arc2FaceError ? error.code : 'INTERNAL' });

let redis: TestRedis | undefined;
beforeAll(async () => {
	if (noRedis !== undefined) return console.log(`Leaving out jobs in Redis: ${noRedis}.`);
	await mkdir(folder.path('redis'), { recursive: true });
	redis = await TestRedis.start(folder.path('redis'));
});
afterAll(() => redis?.kill());

const kinds: [name: string, open: (file: string) => Promise<JobQueue>][] = [
	['a file', (file) => EmbeddedQueue.open(file, { results, keepDays: 7 })],
	...(noRedis === undefined
		? ([['Redis', () => RedisQueue.open({ url: redis!.url, results, explain, keepDays: 7 })]] as never)
		: []),
];

function withResolvers() {
	let resolve = () => {};
	const promise = new Promise<void>((done) => {
		resolve = done;
	});
	return { promise, resolve };
}

/** A job that is being painted, for the test to go on with. */
type Turn = { request: PortraitRequest; told: Told; finish: (error?: unknown) => void };

describe.each(kinds)('jobs in %s', (kind, open) => {
	let queue: JobQueue;
	let owner: string;
	let file: string;
	let worker: JobWorker | undefined;
	const turns: Turn[] = [];
	const waiters: ((turn: Turn) => void)[] = [];

	const perform: Perform = async (request, told) => {
		await new Promise<void>((resolve, reject) => {
			told.signal.addEventListener('abort', () => reject(told.signal.reason), { once: true });
			const turn: Turn = { request, told, finish: (error) => (error === undefined ? resolve() : reject(error)) };
			const waiter = waiters.shift();
			if (waiter === undefined) turns.push(turn);
			else waiter(turn);
		});
		for (let index = 0; index < Number(request.fields.count ?? 1); index++) {
			const seed = Number(request.fields.seed) + index;
			const image = { index, seed, width: 1, height: 1, mediaType: 'image/png', warnings: [] };
			await told.onImage({ ...image, bytes: Buffer.from(`image of ${seed}`) });
		}
	};
	const nextTurn = async () => turns.shift() ?? (await new Promise<Turn>((resolve) => waiters.push(resolve)));
	const begin = (more: Partial<Workshop> = {}) => {
		worker = queue.work({ perform, results, images: 1, explain, ...more });
	};

	beforeEach(async () => {
		// Each test has an owner of its own, and in Redis nothing of another's is left.
		owner = `owner-${randomUUID()}`;
		file = folder.path(`${randomUUID()}.jobs`);
		queue = await open(file);
	});
	afterEach(async () => {
		for (const { finish } of turns.splice(0)) finish(new Error('the test is over'));
		waiters.length = 0;
		await worker?.close(0);
		worker = undefined;
		for (const { id } of await queue.list(owner, { limit: 100 })) await queue.remove(owner, id);
		await queue.close();
	});

	const add = async (fields: Record<string, never> | object = {}, more: object = {}) => {
		const request = { fields: { seed: 5, ...fields } as never, files: { photo: Buffer.from('a photo') } };
		return (await queue.add({ owner, request, priority: 0, images: 1, ...more })).job;
	};
	const until = async (id: string, state: JobState): Promise<Job> => {
		for await (const job of queue.watch(owner, id, AbortSignal.timeout(20_000))) if (job.state === state) return job;
		throw new Error(`the job never was ${state}`);
	};

	test('is painted, with what was sent, and its files are whole', async () => {
		const { id, ...added } = await add({ count: 2 }, { images: 2 });
		expect(added).toMatchObject({ state: 'queued', attempts: 0, progress: { images: 0, of: 2 }, images: [] });
		begin();
		const { request, told, finish } = await nextTurn();
		expect(request.fields).toEqual({ seed: 5, count: 2 });
		expect(Buffer.from(request.files.photo!).toString()).toBe('a photo');
		const running = until(id, 'running');
		told.onStep?.({ step: 1, steps: 2, round: 1 });
		expect(await running).toMatchObject({ state: 'running', attempts: 1 });
		finish();
		const done = await until(id, 'done');
		expect(done).toMatchObject({ attempts: 1, progress: { images: 2, of: 2, step: 1, steps: 2 } });
		expect(Date.parse(done.finishedAt!)).toBeGreaterThanOrEqual(Date.parse(done.startedAt!));
		expect(done.images.map(({ index, seed }) => [index, seed])).toEqual([
			[0, 5],
			[1, 6],
		]);
		for (const { name, seed, bytes } of done.images) {
			const file = await results.get(id, name);
			expect([file?.bytes, String(await buffer(file!.stream))]).toEqual([bytes, `image of ${seed}`]);
		}
	});

	test('of the highest priority comes first, and of equal ones the oldest', async () => {
		const ids: string[] = [];
		for (const priority of [0, 5, 100, 5]) ids.push((await add({ purpose: `${priority}` }, { priority })).id);
		begin();
		const order: unknown[] = [];
		for (let i = 0; i < 4; i++) {
			const { request, finish } = await nextTurn();
			order.push(request.fields.purpose);
			finish();
			await until(ids[[2, 1, 3, 0][i]!]!, 'done');
		}
		expect(order).toEqual(['100', '5', '5', '0']);
	});

	test('begin together, as many as fit', async () => {
		for (let i = 0; i < 4; i++) await add({ seed: i });
		begin({ images: 3 });
		const together = [await nextTurn(), await nextTurn(), await nextTurn()];
		expect(together.map(({ request }) => request.fields.seed).sort()).toEqual([0, 1, 2]);
		expect(turns).toEqual([]);
		together[1]!.finish();
		expect((await nextTurn()).request.fields.seed).toBe(3);
	});

	test('without a seed get one, which stays', async () => {
		const { id } = await add({ seed: undefined });
		begin();
		const first = await nextTurn();
		expect(first.request.fields.seed).toEqual(expect.any(Number));
		await worker!.close(0);
		expect((await queue.get(owner, id))?.state).toBe('queued');
		begin();
		const second = await nextTurn();
		expect(second.request.fields).toEqual(first.request.fields);
		second.finish();
		await until(id, 'done');
	});

	test('that fail by their own fault are not tried again, and say why', async () => {
		const { id } = await add();
		begin();
		(await nextTurn()).finish(new Arc2FaceError('NO_FACE', 'There is no face.'));
		expect(await until(id, 'failed')).toMatchObject({ attempts: 1, problem: { code: 'NO_FACE' }, images: [] });
	});

	test('that fail for the moment are tried again', async () => {
		const { id } = await add();
		begin();
		(await nextTurn()).finish(new Arc2FaceError('OUT_OF_MEMORY', 'There is no memory.'));
		(await nextTurn()).finish();
		expect(await until(id, 'done')).toMatchObject({ attempts: 2, images: [expect.anything()] });
	});

	test('are nobody’s but their owner’s', async () => {
		const { id } = await add();
		expect(await queue.get('somebody', id)).toBeUndefined();
		expect(await queue.remove('somebody', id)).toBe(false);
		expect(await queue.list('somebody', { limit: 10 })).toEqual([]);
		const seen = queue.watch('somebody', id, AbortSignal.timeout(20_000));
		for await (const job of seen) throw new Error(`somebody sees ${job.id}`);
		expect((await queue.get(owner, id))?.id).toBe(id);
	});

	test('are listed, the newest first, in pages and by state', async () => {
		const ids: string[] = [];
		for (let i = 0; i < 5; i++) ids.unshift((await add({ seed: i })).id);
		const listed = async (filter: object) => (await queue.list(owner, { limit: 10, ...filter })).map(({ id }) => id);
		expect(await listed({})).toEqual(ids);
		expect(await listed({ limit: 2 })).toEqual(ids.slice(0, 2));
		expect(await listed({ after: ids[1] })).toEqual(ids.slice(2));
		expect(await listed({ after: 'nothing' })).toEqual([]);
		expect(await listed({ state: 'done' })).toEqual([]);
		expect(await listed({ state: 'queued' })).toEqual(ids);
	});

	test('that are removed while they wait are never painted', async () => {
		const { id } = await add({ seed: 1 });
		const other = await add({ seed: 2 });
		expect(await queue.remove(owner, id)).toBe(true);
		expect(await queue.remove(owner, id)).toBe(false);
		expect(await queue.get(owner, id)).toBeUndefined();
		begin();
		const { request, finish } = await nextTurn();
		expect(request.fields.seed).toBe(2);
		finish();
		await until(other.id, 'done');
	});

	test('that are removed while they are painted end at once, and leave nothing', async () => {
		const { id } = await add({ seed: 1 });
		begin();
		const { told } = await nextTurn();
		await told.onImage({
			index: 0,
			seed: 1,
			width: 1,
			height: 1,
			mediaType: 'image/png',
			warnings: [],
			bytes: Buffer.from('x'),
		});
		const aborted = new Promise((resolve) => told.signal.addEventListener('abort', resolve));
		expect(await queue.remove(owner, id)).toBe(true);
		await aborted;
		expect(await queue.get(owner, id)).toBeUndefined();
		expect(await queue.list(owner, { limit: 10 })).toEqual([]);
		const other = await add({ seed: 2 });
		(await nextTurn()).finish();
		await until(other.id, 'done');
	});

	test('that are removed while a file is put away leave nothing', async () => {
		const { promise: putAway, resolve: letPut } = withResolvers();
		const { promise: putting, resolve: begun } = withResolvers();
		vi.spyOn(results, 'put').mockImplementationOnce(async (...all) => {
			begun();
			await putAway;
			await FolderResults.prototype.put.apply(results, all);
		});
		const { id } = await add();
		begin({
			perform: async (_, { onImage }) => {
				const image = { index: 0, seed: 5, width: 1, height: 1, mediaType: 'image/png', warnings: [] };
				await onImage({ ...image, bytes: Buffer.from('late') });
			},
		});
		await putting;
		expect(await queue.remove(owner, id)).toBe(true);
		letPut();
		await worker!.close(1000);
		worker = undefined;
		await expect.poll(() => existsSync(folder.path(`results/${id}`))).toBe(false);
	});

	test('whoever watches costs no one else a look', async () => {
		const { id } = await add();
		const stop = new AbortController();
		setMaxListeners(0, stop.signal);
		const gets = vi.spyOn(queue, 'get');
		const watching = Array.from({ length: 20 }, async () => {
			for await (const _ of queue.watch(owner, id, stop.signal));
		});
		await new Promise((resolve) => setTimeout(resolve, 2500));
		// One look at the beginning, and one a second.
		expect(gets.mock.calls.length).toBeLessThanOrEqual(20 * 4);
		stop.abort();
		await Promise.all(watching);
		gets.mockRestore();
	});

	test('added again with its key is found without being charged or refused', async () => {
		const request = { fields: { seed: 5 }, files: {} };
		const { job } = await queue.add({ owner, request, priority: 0, images: 1, key: 'k' });
		expect(await queue.find(owner, request, 'k')).toEqual(job);
		expect(await queue.find(owner, request, 'other')).toBeUndefined();
		expect(await queue.find('somebody', request, 'k')).toBeUndefined();
		const another = { fields: { seed: 6 }, files: {} };
		await expect(queue.find(owner, another, 'k')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
	});

	test('removed while it is painted, one of its key is added anew', async () => {
		const request = { fields: { seed: 5 }, files: {} };
		const toAdd = { owner, request, priority: 0, images: 1, key: 'k' };
		const { job } = await queue.add(toAdd);
		begin();
		const { told } = await nextTurn();
		await queue.remove(owner, job.id);
		await expect.poll(() => told.signal.aborted).toBe(true);
		await expect.poll(() => queue.add(toAdd).catch(() => undefined)).toMatchObject({ isNew: true });
		(await nextTurn()).finish();
		const [last] = await queue.list(owner, { limit: 1 });
		await until(last!.id, 'done');
	});

	test('that would only wait are left to other workers', async () => {
		const jobs = await Promise.all([1, 2, 3, 4, 5].map((seed) => add({ seed }, { images: 2 })));
		expect(jobs).toHaveLength(5);
		begin({ images: 2 });
		await nextTurn();
		await new Promise((resolve) => setTimeout(resolve, 500));
		expect((await queue.counts()).running).toBe(1);
	});

	test('whoever watches one that is removed sees its end', async () => {
		const { id } = await add();
		const states: string[] = [];
		for await (const { state } of queue.watch(owner, id, AbortSignal.timeout(20_000))) {
			states.push(state);
			await queue.remove(owner, id);
		}
		expect(states).toEqual(['queued']);
	});

	test('whoever stops watching is let go', async () => {
		const { id } = await add();
		const stop = new AbortController();
		for await (const { state } of queue.watch(owner, id, stop.signal)) {
			expect(state).toBe('queued');
			stop.abort();
		}
	});

	test('added twice with one key are one, with another request they are refused', async () => {
		const key = randomUUID();
		const request = { fields: { steps: 2 }, files: { photo: Buffer.from('a photo') } };
		const job = { owner, request, priority: 0, images: 1, key };
		const [first, second] = await Promise.all([queue.add(job), queue.add(job)]);
		expect(second.job.id).toBe(first.job.id);
		expect((await queue.add(job)).isNew).toBe(false);
		expect((await queue.list(owner, { limit: 10 })).length).toBe(1);
		const other = { ...job, request: { ...request, fields: { steps: 3 } } };
		await expect(queue.add(other)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
		const elsewhere = await queue.add({ ...job, owner: `${owner}-2` });
		expect(elsewhere.job.id).not.toBe(first.job.id);
		await queue.remove(`${owner}-2`, elsewhere.job.id);
	});

	test('are handed back by a worker that closes, once its time is over', async () => {
		const { id } = await add();
		begin();
		await nextTurn();
		await worker!.close(0);
		expect(await queue.get(owner, id)).toMatchObject({ state: 'queued', images: [] });
		begin();
		const closing = await nextTurn();
		const closed = worker!.close(20_000);
		closing.finish();
		await closed;
		expect((await queue.get(owner, id))?.state).toBe('done');
	});

	test('are counted by state', async () => {
		const before = await queue.counts();
		const { id } = await add();
		expect((await queue.counts()).queued).toBe(before.queued + 1);
		begin();
		(await nextTurn()).finish();
		await until(id, 'done');
		expect((await queue.counts()).done).toBe(before.done + 1);
	});

	test('of which nothing personal is kept once they have ended', async () => {
		const { id } = await add({ identity: 'an embedding' });
		begin();
		(await nextTurn()).finish();
		await until(id, 'done');
		const kept = async () => {
			if (kind === 'Redis') redis!.dump();
			return (await readFile(kind === 'Redis' ? folder.path('redis/dump.rdb') : file)).toString('latin1');
		};
		// In Redis right after its end.
		await expect.poll(kept).not.toContain('an embedding');
		const text = await kept();
		expect(text).toContain(id);
		expect(text).not.toContain('an embedding');
		expect(text).not.toContain('a photo');
		expect(text).not.toContain(Buffer.from('a photo').toString('base64'));
	});
});

describe('a file of jobs', () => {
	test('is never made of another file', async () => {
		const file = folder.path('notes.txt');
		await writeFile(file, 'notes');
		await expect(EmbeddedQueue.open(file, { results, keepDays: 7 })).rejects.toMatchObject({
			code: 'INVALID_ARGUMENT',
		});
		expect(await readFile(file, 'utf8')).toBe('notes');
	});

	test('in a folder that is not there is told as such', async () => {
		await expect(EmbeddedQueue.open(folder.path('no/jobs'), { results, keepDays: 7 })).rejects.toMatchObject({
			code: 'FILE_FAILED',
		});
	});
});

describe.runIf(noRedis === undefined)('Redis', () => {
	test.each([
		['http://127.0.0.1', 'Expected an address'],
		['redis://:secret@127.0.0.1:1', 'does not answer'],
	])('%s is refused, without telling its password', async (url, problem) => {
		const opening = RedisQueue.open({ url, results, explain, keepDays: 1 });
		await expect(opening).rejects.toMatchObject({
			code: 'INVALID_ARGUMENT',
			problem: expect.stringContaining(problem),
		});
		await expect(opening).rejects.not.toMatchObject({ message: expect.stringContaining('secret') });
	});

	test('that is killed and started again loses no job, and work goes on', async () => {
		const queue = await RedisQueue.open({ url: redis!.url, results, explain, keepDays: 7 });
		const owner = `owner-${randomUUID()}`;
		const request = { fields: { seed: 1 }, files: {} };
		const { job } = await queue.add({ owner, request, priority: 0, images: 1 });
		await redis!.kill();
		await expect(queue.get(owner, job.id)).rejects.toBeInstanceOf(StoreAway);
		await expect(queue.add({ owner, request, priority: 0, images: 1 })).rejects.toBeInstanceOf(StoreAway);
		await expect(queue.counts()).rejects.toBeInstanceOf(StoreAway);
		const worker = queue.work({
			perform: async (_, { onImage }) => {
				await onImage({
					index: 0,
					seed: 1,
					width: 1,
					height: 1,
					mediaType: 'image/png',
					warnings: [],
					bytes: Buffer.from('1'),
				});
			},
			...{ results, images: 1, explain },
		});
		await redis!.start();
		let last: Job | undefined;
		for await (const one of queue.watch(owner, job.id, AbortSignal.timeout(60_000))) last = one;
		expect(last).toMatchObject({ state: 'done', images: [expect.objectContaining({ seed: 1 })] });
		await worker.close(0);
		await queue.close();
	});
});
