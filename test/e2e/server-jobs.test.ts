// Jobs over HTTP, painted by the embedded bundle: added, watched, fetched, listed, removed, each by its own client.
import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Arc2Face } from '../../lib/index.ts';
import type { JobWorker } from '../../lib/jobs/job.ts';
import { type OpenedJobs, openJobs } from '../../lib/jobs/open.ts';
import { packageRoot } from '../../lib/package.ts';
import { portraitApp } from '../../lib/server/app.ts';
import { Reception } from '../../lib/server/reception.ts';
import { explain, work } from '../../lib/server/work.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';

const folder = temporaryFolder();
const photo = (await readFile(join(packageRoot, 'test/fixtures/faces/person-06-0.jpg'))).toString('base64');
const errors: unknown[] = [];
const keyOf = (name: string) => `key-of-${name}`.padEnd(40, '-');

let model: Arc2Face;
let app: FastifyInstance;
let reception: Reception;
let jobs: OpenedJobs;
let worker: JobWorker | undefined;
let url: string;
beforeAll(async () => {
	model = await Arc2Face.load({ bundle: 'tiny' });
	jobs = await openJobs({ file: folder.path('jobs.db'), explain });
	reception = await Reception.open({
		apiKeys: `anna:${keyOf('anna')} ben:${keyOf('ben')}`,
		limits: { imagesPerDay: 1000 },
	});
	app = await portraitApp({ model, reception, jobs: { ...jobs, most: 6 } });
	url = await app.listen({ port: 0 });
	worker = work(jobs, model, (error) => errors.push(error));
});
afterAll(async () => {
	await worker?.close(0);
	await app.close();
	reception.close();
	await jobs.queue.close();
	await model.dispose();
	expect(errors).toEqual([]);
});

const call = (path: string, init: RequestInit & { as?: string } = {}) => {
	const { as = 'anna', ...rest } = init;
	const headers = { authorization: `Bearer ${keyOf(as)}`, 'content-type': 'application/json', ...init.headers };
	if (rest.body === undefined) delete (headers as Record<string, string>)['content-type'];
	return fetch(url + path, { ...rest, headers: headers as Record<string, string> });
};
const add = (body: object, headers: Record<string, string> = {}) =>
	call('/v1/jobs', { method: 'POST', body: JSON.stringify({ photo, steps: 2, seed: 5, ...body }), headers });

type Image = { index: number; seed: number; url: string; sha256: string; bytes: number; mediaType: string };
type Job = { id: string; state: string; images: Image[]; problem?: { code: string; status: number }; progress: object };
const json = async <T = Job>(response: Response) => (await response.json()) as T;

/** Follows it by its events. @returns the events */
async function follow(id: string): Promise<{ event: string; data: Job }[]> {
	const text = await (await call(`/v1/jobs/${id}/events`)).text();
	const blocks = text.split('\n\n').filter((block) => block.startsWith('event'));
	return blocks.map((block) => {
		const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(block)!;
		return { event: event!, data: JSON.parse(data!) };
	});
}

test('a job is kept, painted as portraits are, watched, and its files are whole', async () => {
	const added = await add({ count: 2, format: 'webp', check: { minSimilarity: -1 } });
	const { id } = await json(added.clone());
	expect([added.status, added.headers.get('location')]).toEqual([202, `/v1/jobs/${id}`]);
	const last = (await follow(id)).at(-1)!;
	expect(last).toMatchObject({
		event: 'job',
		data: { id, state: 'done', attempts: 1, progress: { images: 2, of: 2 } },
	});
	expect(await json(await call(`/v1/jobs/${id}`))).toEqual(last.data);
	const [expected] = await model.generate(await model.encode(Buffer.from(photo, 'base64')), { steps: 2, seed: 5 });
	expect(last.data.images.map(({ seed }) => seed)).toEqual([5, 6]);
	for (const image of last.data.images) {
		const answer = await call(image.url);
		expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'image/webp']);
		const bytes = Buffer.from(await answer.arrayBuffer());
		expect([bytes.length, createHash('sha256').update(bytes).digest('hex')]).toEqual([image.bytes, image.sha256]);
		expect(image).toMatchObject({ similarity: expect.any(Number), warnings: [] });
	}
	const lossless = await json(await add({}));
	const done = (await follow(lossless.id)).at(-1)!.data;
	const file = Buffer.from(await (await call(done.images[0]!.url)).arrayBuffer());
	expect(await sharp(file).raw().toBuffer()).toEqual(
		await sharp(await expected.toBuffer())
			.raw()
			.toBuffer(),
	);
});

test('a photo without a face fails the job, and says so', async () => {
	const blank = await sharp({ create: { width: 64, height: 64, channels: 3, background: 'grey' } })
		.png()
		.toBuffer();
	const { id } = await json(await add({ photo: blank.toString('base64') }));
	expect((await follow(id)).at(-1)!.data).toMatchObject({
		state: 'failed',
		problem: { code: 'NO_FACE', status: 422 },
		images: [],
	});
});

test('sent again with its key it is the same job; another body is refused', async () => {
	const key = { 'idempotency-key': randomUUID() };
	const first = await json(await add({}, key));
	const again = await add({}, key);
	expect([again.status, (await json(again.clone())).id]).toEqual([200, first.id]);
	const other = await add({ steps: 3 }, key);
	expect([other.status, (await json<{ code: string }>(other)).code]).toEqual([422, 'UNPROCESSABLE']);
	await follow(first.id);
});

test('one who asks for its events with HEAD watches nothing', async () => {
	await worker!.close(0);
	const { id } = await json(await add({}));
	const watch = vi.spyOn(jobs.queue, 'watch');
	const response = await call(`/v1/jobs/${id}/events`, { method: 'HEAD' });
	expect(response.status).toBe(200);
	for (const [, , signal] of watch.mock.calls) await expect.poll(() => signal.aborted).toBe(true);
	expect(watch).toHaveBeenCalledTimes(1);
	watch.mockRestore();
	worker = work(jobs, model, (error) => errors.push(error));
	await follow(id);
});

test('sent again with its key it is found where nothing new is taken', async () => {
	await worker!.close(0);
	const key = { 'idempotency-key': randomUUID() };
	const first = await json(await add({}, key));
	const counts = vi.spyOn(jobs.queue, 'counts').mockResolvedValue({ queued: 1e9, running: 0, done: 0, failed: 0 });
	expect((await add({ seed: 9 })).status).toBe(429);
	const again = await add({}, key);
	expect([again.status, (await json(again)).id]).toEqual([200, first.id]);
	counts.mockRestore();
	worker = work(jobs, model, (error) => errors.push(error));
	await follow(first.id);
});

test('nobody else sees it', async () => {
	const { id } = await json(await add({}));
	await follow(id);
	const { images } = await json(await call(`/v1/jobs/${id}`));
	for (const path of [`/v1/jobs/${id}`, `/v1/jobs/${id}/events`, images[0]!.url]) {
		expect((await call(path, { as: 'ben' })).status).toBe(404);
	}
	expect((await call(`/v1/jobs/${id}`, { as: 'ben', method: 'DELETE' })).status).toBe(404);
	expect(await json(await call('/v1/jobs', { as: 'ben' }))).toEqual({ jobs: [] });
	expect((await call(`/v1/jobs/${id}`, { headers: { authorization: 'Bearer other' } })).status).toBe(401);
});

test('removed, it is gone with its files, whether it has ended or not', async () => {
	const { id } = await json(await add({}));
	await follow(id);
	const { images } = await json(await call(`/v1/jobs/${id}`));
	expect((await call(`/v1/jobs/${id}`, { method: 'DELETE' })).status).toBe(204);
	for (const path of [`/v1/jobs/${id}`, images[0]!.url]) expect((await call(path)).status).toBe(404);
	expect((await call(`/v1/jobs/${id}`, { method: 'DELETE' })).status).toBe(404);
	const long = await json(await add({ steps: 1000 }));
	const events = follow(long.id);
	expect((await call(`/v1/jobs/${long.id}`, { method: 'DELETE' })).status).toBe(204);
	expect((await events).at(-1)?.event).toBe('removed');
});

describe('what is refused', () => {
	test.each([
		['a priority out of range', { priority: 101 }, 400],
		['an unknown field', { priorities: 1 }, 400],
		['too many images', { count: 1000 }, 413],
	])('%s', async (_, body, status) => {
		expect((await add(body)).status).toBe(status);
	});

	test.each([
		['/v1/jobs?state=lost', 400],
		['/v1/jobs?limit=0', 400],
		['/v1/jobs?limit=101', 400],
		['/v1/jobs/nothing', 404],
		['/v1/jobs/nothing/events', 404],
		['/v1/jobs/nothing/images/a.png', 404],
		[`/v1/jobs/${'%2e%2e'}/images/a.png`, 404],
	])('%s', async (path, status) => {
		const response = await call(path);
		expect([response.status, response.headers.get('content-type')]).toEqual([
			status,
			expect.stringContaining('problem+json'),
		]);
	});
});

test('are listed in pages; when as many wait as may, the next is told to come later', async () => {
	await worker!.close(0);
	worker = undefined;
	const ids: string[] = [];
	for (let seed = 0; seed < 6; seed++) ids.unshift((await json(await add({ seed }))).id);
	type Page = { jobs: Job[]; next?: string };
	const first = await json<Page>(await call('/v1/jobs?state=queued&limit=4'));
	const second = await json<Page>(await call(`/v1/jobs?state=queued&limit=4&after=${first.next}`));
	expect([...first.jobs, ...second.jobs].map(({ id }) => id)).toEqual(ids);
	expect(second.next).toBeUndefined();
	const refused = await add({ seed: 7 });
	expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '60']);
	const metrics = await (await call('/metrics')).text();
	expect(metrics).toContain('arc2face_jobs{state="queued"} 6');
	worker = work(jobs, model, (error) => errors.push(error));
	for (const id of ids) expect((await follow(id)).at(-1)?.data.state).toBe('done');
});
