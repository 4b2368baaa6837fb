// Files and requests of jobs, apart from queues.
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { Arc2FaceError } from '../../lib/errors.ts';
import { mayPass, paintJob } from '../../lib/jobs/paint.ts';
import type { Perform } from '../../lib/jobs/request.ts';
import { digestOf, seeded } from '../../lib/jobs/requests.ts';
import { FolderResults } from '../../lib/jobs/results.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';

const folder = temporaryFolder();

describe('a folder of results', () => {
	test('gives what was put, until the job is removed', async () => {
		const results = new FolderResults(folder.path('results'));
		await results.put('job-1', 'portrait-0.png', Buffer.from('one'));
		await results.put('job-1', 'portrait-0.png', Buffer.from('one'));
		const file = await results.get('job-1', 'portrait-0.png');
		expect([file?.bytes, String(await buffer(file!.stream))]).toEqual([3, 'one']);
		expect(await readdir(folder.path('results/job-1'))).toEqual(['portrait-0.png']);
		expect(await results.get('job-1', 'portrait-1.png')).toBeUndefined();
		expect(await results.get('job-2', 'portrait-0.png')).toBeUndefined();
		await results.remove('job-1');
		await results.remove('job-1');
		expect(await results.get('job-1', 'portrait-0.png')).toBeUndefined();
	});

	test.each(['../job', '/etc', '.', '', 'a/b', 'a\0'])('is never left: %j', async (name) => {
		const results = new FolderResults(folder.path('inside'));
		await expect(results.put(name, 'a', Buffer.from(''))).rejects.toThrow('no name');
		await expect(results.get('a', name)).rejects.toThrow('no name');
		await expect(results.remove(name)).rejects.toThrow('no name');
	});

	test('that can not be written says so', async () => {
		await writeFile(folder.path('file'), '');
		const results = new FolderResults(join(folder.path('file'), 'results'));
		await expect(results.put('job', 'a.png', Buffer.from(''))).rejects.toMatchObject({ code: 'FILE_FAILED' });
	});
});

describe('requests', () => {
	const request = { fields: { steps: 2, count: 3 }, files: { photo: Buffer.from('a') } };

	test('without a seed get one, others keep theirs', () => {
		const seeds = [seeded(request), seeded(request)].map(({ fields }) => fields.seed);
		expect(seeds).toEqual([expect.any(Number), expect.any(Number)]);
		expect(seeds[0]).not.toBe(seeds[1]);
		expect(seeded({ ...request, fields: { seed: 5 } }).fields).toEqual({ seed: 5 });
		expect(seeded({ ...request, fields: { recipe: {} } }).fields).toEqual({ recipe: {} });
	});

	test('that ask for the same have one digest, others have others', () => {
		const same = { fields: { count: 3, steps: 2 }, files: { photo: Buffer.from('a') } };
		expect(digestOf(same)).toBe(digestOf(request));
		const others = [
			{ ...request, fields: { ...request.fields, seed: 5 } },
			{ ...request, files: { photo: Buffer.from('b') } },
			{ ...request, files: { image: Buffer.from('a') } },
			{ ...request, files: {} },
		];
		expect(new Set([request, ...others].map(digestOf)).size).toBe(5);
	});
});

describe('painting a job', () => {
	const image = (index: number) => ({
		...{ index, seed: 7 + index, width: 1, height: 1, mediaType: 'image/png', warnings: [] },
		bytes: Buffer.from(`image ${index}`),
	});
	const shop = (perform: Perform) => ({
		...{ perform, results: new FolderResults(folder.path('painted')), images: 1 },
		explain: () => ({}),
	});

	test('puts each file away before it tells of it', async () => {
		const told: unknown[] = [];
		const perform: Perform = async (_, { onImage, onStep }) => {
			onStep?.({ step: 1, steps: 2, round: 1 });
			for (const index of [1, 0]) await onImage(image(index));
		};
		const work = shop(perform);
		const images = await paintJob({ id: 'job', of: 2, request: { fields: {}, files: {} } }, work, {
			signal: new AbortController().signal,
			report: (progress, finished) => told.push([progress, finished.map(({ index }) => index)]),
		});
		expect(told).toEqual([
			[{ images: 0, of: 2, step: 1, steps: 2 }, []],
			[{ images: 1, of: 2, step: 1, steps: 2 }, [1]],
			[{ images: 2, of: 2, step: 1, steps: 2 }, [0, 1]],
		]);
		expect(images.map(({ index, bytes }) => [index, bytes])).toEqual([
			[0, 7],
			[1, 7],
		]);
		for (const { name, index } of images) {
			expect(String(await buffer((await work.results.get('job', name))!.stream))).toBe(`image ${index}`);
		}
	});

	test('only failures of the moment are worth another try', () => {
		expect(mayPass(new Arc2FaceError('OUT_OF_MEMORY', 'So it is.'))).toBe(true);
		expect(mayPass(new Arc2FaceError('NO_FACE', 'So it is.'))).toBe(false);
		expect(mayPass(new Error('a fault'))).toBe(false);
	});
});
