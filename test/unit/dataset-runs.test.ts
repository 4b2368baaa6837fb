// Data sets without painting: what is asked for, what a folder is, what belongs together.
import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import {
	dataFolder,
	identitiesFile,
	readRecord,
	shardFolder,
	sweep,
	wholeShards,
	writeRecord,
} from '../../lib/dataset/folder.ts';
import { openShardWriter } from '../../lib/dataset/formats/formats.ts';
import { identitiesDigest } from '../../lib/dataset/identities/digest.ts';
import { writeEmbeddings } from '../../lib/dataset/identities/file.ts';
import { lockFolder } from '../../lib/dataset/lock.ts';
import { mergeDatasets } from '../../lib/dataset/merge.ts';
import { isOfPart, type Part, type Run, requireSameRun, shardsOf } from '../../lib/dataset/run.ts';
import { noTally, writeShardRecord } from '../../lib/dataset/shard-record.ts';
import { Arc2FaceError } from '../../lib/errors.ts';
import { inPlaceOfFolder } from '../../lib/files/new-folder.ts';
import { type DatasetOptions, resolveDatasetOptions } from '../../lib/options/dataset.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';

const folder = temporaryFolder();
const { signal } = new AbortController();
const embeddings = Float32Array.from({ length: 5 * 512 }, (_, i) => Math.sin(i));
const run: Run = {
	...{ package: '0.1.0', seed: 3, people: 5, images: 2, source: { kind: 'sphere' }, maxCosine: 0.3, exclude: [] },
	...{ format: 'folders', contents: 'crops', imageFormat: 'png', minSimilarity: 0.3, tries: 3, peoplePerShard: 2 },
	painting: { sampler: 'dpm++2m', steps: 25, guidanceScale: 3, width: 96, height: 96 },
	spread: { poses: { yaw: 30, pitch: 10, roll: 5, scale: 1 } },
	model: {
		...{ bundle: 'tiny', weights: { unet: ['a'.repeat(64)], vaeDecoder: ['b'] }, settings: 'c', variant: {} },
		...{ device: 'cpu', provider: 'onnxruntime', version: '1.30.0', precision: 'fp32' },
	},
	readers: { detector: 'd', recognizer: 'e', detectionSize: 96 },
	identities: await identitiesDigest(embeddings),
};
const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');

/** A folder with some shards, as a run leaves it. */
async function writeSet(name: string, shards: readonly number[], part?: Part, own: Run = run): Promise<string> {
	const path = folder.path(name);
	await mkdir(path, { recursive: true });
	await writeRecord(path, { format: 1, run: own, ...(part && { part }) });
	await writeEmbeddings(identitiesFile(path), { data: embeddings, length: 512 });
	for (const plan of shardsOf(own).filter(({ index }) => shards.includes(index))) {
		await inPlaceOfFolder(shardFolder(path, plan.index), async (into) => {
			const writer = await openShardWriter(own.format, into, plan);
			for (let person = plan.firstPerson; person < plan.firstPerson + plan.people; person++) {
				for (let image = 0; image < own.images; image++) {
					const crop = Buffer.concat([png, Buffer.from([person, image])]);
					await writer.add({ person, image, crop, row: { seed: 10 * person + image } });
				}
			}
			await writer.close();
			const tally = { ...noTally(), kept: own.images * plan.people, painted: own.images * plan.people };
			await writeShardRecord(into, plan, tally, signal);
		});
	}
	return path;
}

/** Paths and contents of all files, but those that name their folder. */
async function contentOf(path: string): Promise<Record<string, string>> {
	const entries = await readdir(path, { recursive: true, withFileTypes: true });
	const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
	const contents: Record<string, string> = {};
	for (const file of files.sort()) contents[file.slice(path.length)] = (await readFile(file)).toString('base64');
	return contents;
}

const failure = async (work: Promise<unknown>): Promise<Arc2FaceError> => {
	const error = await work.then(
		() => undefined,
		(thrown: unknown) => thrown,
	);
	expect(error).toBeInstanceOf(Arc2FaceError);
	return error as Arc2FaceError;
};

beforeEach(() => rm(folder.path('.'), { recursive: true, force: true }).then(() => mkdir(folder.path('.'))));

describe('options', () => {
	const whole: DatasetOptions = { out: 'faces', identities: 10, images: 50 };

	test('have defaults', () => {
		expect(resolveDatasetOptions(whole)).toMatchObject({
			...{ people: 10, images: 50, seed: 0, maxCosine: 0.3, minSimilarity: 0.3, tries: 3, workers: 1, batch: 8 },
			...{ format: 'folders', contents: 'crops', imageFormat: 'png', peoplePerShard: 20, manner: {} },
		});
		// A shard has some thousand images at most, but always a person.
		expect(resolveDatasetOptions({ ...whole, images: 400 }).peoplePerShard).toBe(2);
		expect(resolveDatasetOptions({ ...whole, images: 4000 }).peoplePerShard).toBe(1);
		expect(resolveDatasetOptions({ ...whole, part: { index: 1, of: 1 } }).part).toBeUndefined();
		expect(resolveDatasetOptions({ ...whole, steps: 4, sampler: 'ddim', eta: 1 }).manner).toEqual({
			...{ steps: 4, sampler: 'ddim', eta: 1 },
		});
	});

	test.each<[string, Record<string, unknown>, RegExp]>([
		['no folder', { out: undefined }, /`out` but received none/],
		['no people', { identities: undefined }, /`identities` but received none/],
		['half a person', { identities: 1.5 }, /integer from 1 to 1000000 for `identities`/],
		['no images', { images: 0 }, /`images`/],
		['more images than seeds', { identities: 1e6, images: 43 }, /at most 42949672 images/],
		[
			'two sources',
			{ from: 'a.npy', sphere: true },
			/one source of identities for `sphere` but received it besides from/,
		],
		['components of nothing', { components: 3 }, /`from` beside it for `components` but received none/],
		['records without crops', { format: 'recordio', contents: 'images' }, /crops or both for recordio/],
		['a part too many', { part: { index: 3, of: 2 } }, /i from 1 to n.* for `shard` but received 3\/2/],
		['part 0', { part: { index: 0, of: 2 } }, /`shard`/],
		['heads that turn away', { poses: [100, 0, 0] }, /three numbers from 0 to 90, 60, 60/],
		['a cosine of 2', { maxCosine: 2 }, /`maxCosine`/],
		['a thousand tries', { tries: 1000 }, /`tries`/],
		['an unknown sampler', { sampler: 'magic' }, /`sampler`/],
		['eta without ddim', { eta: 1 }, /ddim/],
		['what it does not know', { check: { minSimilarity: 1 } }, /`check`/],
	])('refuse %s', (_, change, message) => {
		expect(() => resolveDatasetOptions({ ...whole, ...change } as DatasetOptions)).toThrow(message);
	});
});

test('shards have all people once, and parts all shards', () => {
	const shards = shardsOf({ ...run, people: 101, peoplePerShard: 20 });
	expect(shards.map(({ index, firstPerson, people }) => [index, firstPerson, people])).toEqual([
		...[0, 1, 2, 3, 4].map((i) => [i, 20 * i, 20]),
		[5, 100, 1],
	]);
	const parts = [1, 2, 3].map((index) =>
		shards.filter((shard) => isOfPart(shard, { index, of: 3 })).map(({ index }) => index),
	);
	expect(parts).toEqual([
		[0, 3],
		[1, 4],
		[2, 5],
	]);
});

describe('a folder', () => {
	test('may be new or empty, or have what killed runs leave before they begin', async () => {
		expect(await readRecord(folder.path('new'))).toBeUndefined();
		await mkdir(folder.path('empty/.dataset.lock'), { recursive: true });
		await writeFile(folder.path('empty/.dataset'), '');
		await writeFile(folder.path('empty/.0123456789ab.tmp'), '');
		expect(await readRecord(folder.path('empty'))).toBeUndefined();
	});

	test.each<[string, Record<string, string>, RegExp]>([
		['with somebody’s photos', { 'anna.jpg': '' }, /neither: it holds anna.jpg, and no dataset.json.*--?out|`out`/],
		['with another program’s dataset.json', { 'dataset.json': '{"images": 5}' }, /is none of this package/],
		['with half a dataset.json', { 'dataset.json': '{"format": 1, "run": {' }, /is none of this package/],
		[
			'with a data set of a later version',
			{ 'dataset.json': JSON.stringify({ format: 2, run }) },
			/is none of this package, or of another version/,
		],
	])('%s is refused', async (_, files, message) => {
		for (const [name, text] of Object.entries(files)) await writeFile(folder.path(name), text);
		const error = await failure(readRecord(folder.path('.')));
		expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', details: { option: 'out' } });
		expect(error.message).toMatch(message);
	});

	test('is cleaned of parts, and of nothing else', async () => {
		const path = await writeSet('set', [0, 1]);
		const before = await contentOf(path);
		await mkdir(join(path, 'shards/.0123456789ab.tmp/images'), { recursive: true });
		await writeFile(join(path, 'shards/.0123456789ab.tmp/images/a.png'), 'x');
		await writeFile(join(path, '.ba9876543210.tmp'), 'x');
		await sweep(path);
		expect(await contentOf(path)).toEqual(before);
		expect((await wholeShards(path)).sort()).toEqual([0, 1]);
	});

	test('is one run’s at a time, but not a dead one’s', async () => {
		await mkdir(folder.path('set'));
		const lock = await lockFolder(folder.path('set'));
		const error = await failure(lockFolder(folder.path('set')));
		expect(error).toMatchObject({ code: 'FILE_FAILED', details: { file: folder.path('set') } });
		expect(error.message).toMatch(/Another run works on/);
		// As kill -9 leaves it: of a process that is no more.
		await cp(folder.path('set'), folder.path('dead'), { recursive: true });
		const dead = JSON.parse(await readFile(folder.path('dead/.dataset'), 'utf8'));
		await writeFile(folder.path('dead/.dataset'), JSON.stringify({ ...dead, process: 2 ** 22 + 1 }));
		await (await lockFolder(folder.path('dead'))).release();
		expect(await readdir(folder.path('dead'))).toEqual([]);
		await lock.release();
		await (await lockFolder(folder.path('set'))).release();
	});

	test('is nobody’s where the holder could not be written down, as on a full disk', async () => {
		const path = folder.path('full');
		// Stands for it: a folder can't be written to as a file.
		await mkdir(join(path, '.dataset'), { recursive: true });
		expect(await failure(lockFolder(path))).toMatchObject({ code: 'FILE_FAILED', details: { systemCode: 'EISDIR' } });
		expect(await readdir(path)).toEqual(['.dataset']);
	});
});

test('identities are known by the bytes of all of them, and other work has its turn meanwhile', async () => {
	const many = Float32Array.from({ length: 5000 * 512 }, (_, i) => i % 1000);
	let turns = 0;
	const count = () => {
		turns++;
		next = setImmediate(count);
	};
	let next = setImmediate(count);
	const digest = await identitiesDigest(many);
	clearImmediate(next);
	expect(digest).toBe(createHash('sha256').update(new Uint8Array(many.buffer)).digest('hex'));
	expect(turns).toBeGreaterThan(1);
	const stopped = AbortSignal.abort(new Error('enough'));
	await expect(identitiesDigest(many, stopped)).rejects.toThrow('enough');
});

describe('the same run', () => {
	test('is one whose bundle lies in another folder, or of which less is known', () => {
		const moved = { ...run, model: { ...run.model, bundle: 'copy' } };
		expect(() => requireSameRun('faces', { format: 1, run }, moved)).not.toThrow();
		expect(() => requireSameRun('faces', { format: 1, run }, { seed: 3, images: 2 })).not.toThrow();
		// Fields in another order, as JSON from elsewhere may have them.
		const reordered = Object.fromEntries(Object.entries(run).reverse()) as Run;
		expect(() => requireSameRun('faces', { format: 1, run }, reordered)).not.toThrow();
	});

	test.each<[string, Partial<Run>, Part | undefined, string]>([
		['images', { images: 3 }, undefined, '`images` 2, not 3.'],
		[
			'the seed and a step',
			{ seed: 4, painting: { ...run.painting, steps: 2 } },
			undefined,
			'`seed` 3, not 4; `steps` 25, not 2.',
		],
		['a pose more or less', { spread: {} }, undefined, '`poses` 30,10,5, not none'],
		['the source', { source: { kind: 'list', sha256: 'ab' } }, undefined, ': `sphere`, not `list`.'],
		[
			'weights',
			{ model: { ...run.model, weights: { unet: ['x'], vaeDecoder: ['b'] } } },
			undefined,
			': other weights of the UNet.',
		],
		['the package', { package: '0.2.0' }, undefined, ': version of this package 0.1.0, not 0.2.0.'],
		['a device', { model: { ...run.model, device: 'cuda' } }, undefined, ': `device` cpu, not cuda.'],
		['a part', {}, { index: 2, of: 4 }, ': `shard` none, not 2/4.'],
		['excluded person', { exclude: ['ab'] }, undefined, ': other files for `exclude`.'],
		[
			'expression',
			{ spread: { ...run.spread, expressions: { names: ['smile', 'sad'], scale: 1 } }, expressions: 'ab' },
			undefined,
			'`expressions` none, not smile,sad',
		],
		['LoRA', { model: { ...run.model, variant: { loras: [] } } }, undefined, ': other LoRAs.'],
	])('is not one with another %s', async (_, change, part, what) => {
		const error = await failure(
			(async () => requireSameRun('faces', { format: 1, run }, { ...run, ...change }, part))(),
		);
		expect(error.code).toBe('INVALID_ARGUMENT');
		expect(error.problem).toContain(`The data set in faces was begun otherwise: `);
		expect(error.problem).toContain(what);
		expect(error.message).toContain('Nothing was changed.');
	});
});

describe('merging', () => {
	const parts = (of: number) =>
		Promise.all(
			Array.from({ length: of }, (_, i) => {
				const part = { index: i + 1, of };
				const shards = shardsOf(run).filter((shard) => isOfPart(shard, part));
				return writeSet(
					`part${i + 1}`,
					shards.map(({ index }) => index),
					part,
				);
			}),
		);
	const merge = (folders: readonly string[], out = folder.path('out')) =>
		mergeDatasets(folders, out, { signal, onProgress() {}, onStage() {} });

	test('parts gives what one run gives, and again', async () => {
		const one = await writeSet('one', [0, 1, 2]);
		const alone = await merge([one], folder.path('alone'));
		const merged = await merge(await parts(2));
		expect(merged).toMatchObject({
			people: 5,
			shards: 3,
			tally: { kept: 10, missing: 0 },
			data: dataFolder(folder.path('out')),
		});
		const content = await contentOf(folder.path('out'));
		expect(Object.keys(content).length).toBeGreaterThan(20);
		expect(content).toEqual(await contentOf(folder.path('alone')));
		expect({ ...alone, data: '' }).toEqual({ ...merged, data: '' });
		// Interrupted before it was joined, and with a shard too few.
		await rm(folder.path('out/data'), { recursive: true });
		await rm(folder.path('out/shards/00001'), { recursive: true });
		await merge([folder.path('part2'), folder.path('part1')]);
		expect(await contentOf(folder.path('out'))).toEqual(content);
	});

	/** Nothing may appear. */
	const refusal = async (folders: readonly string[], out?: string) => {
		const error = await failure(merge(folders, out));
		expect(await readdir(folder.path('.'))).not.toContain('out');
		return error;
	};

	test('is refused where a shard is missing', async () => {
		const [first] = await parts(3);
		const error = await refusal([first!, folder.path('part3')]);
		expect(error.message).toMatch(/^1 of 3 shards is missing: 1 \(`shard` 2\/3\)\. Run the parts/);
		expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', details: { option: 'folders' } });
	});

	test('is refused where a shard is there twice', async () => {
		const all = await parts(2);
		await cp(all[0]!, folder.path('copy'), { recursive: true });
		expect((await refusal([...all, folder.path('copy')])).message).toMatch(
			/Shard 0 is there twice: in .*part1 and in .*copy/,
		);
	});

	test('is refused for a part of another run', async () => {
		const [first] = await parts(2);
		const other = await writeSet('other', [1], { index: 2, of: 2 }, { ...run, seed: 4 });
		expect((await refusal([first!, other])).message).toMatch(
			/other is not of the same run as .*part1: `seed` 3, not 4 \(there, not here\)/,
		);
	});

	test('is refused for what is no data set, and into a part', async () => {
		const all = await parts(2);
		expect((await refusal([...all, folder.path('nothing')])).message).toMatch(/There is no data set in .*nothing/);
		await mkdir(folder.path('photos'));
		await writeFile(folder.path('photos/anna.jpg'), '');
		expect((await refusal([...all, folder.path('photos')])).message).toMatch(/photos is neither/);
		expect((await refusal(all, all[0])).message).toMatch(/is one of the parts, too/);
		const before = await contentOf(folder.path('photos'));
		expect((await refusal(all, folder.path('photos'))).message).toMatch(/photos is neither/);
		expect(await contentOf(folder.path('photos'))).toEqual(before);
	});

	test.each<[string, (shard: string) => Promise<unknown>, RegExp]>([
		[
			'a file was changed',
			(shard) => writeFile(join(shard, 'crops/000002/0001.png'), 'x'),
			/crops\/000002\/0001.png is damaged/,
		],
		['a file is missing', (shard) => rm(join(shard, 'table.csv')), /table.csv is missing/],
		['a file is too many', (shard) => writeFile(join(shard, 'more.txt'), 'x'), /more.txt is of nobody/],
		['its record is damaged', (shard) => writeFile(join(shard, 'shard.json'), '{'), /its shard.json is damaged/],
		[
			'it is another shard',
			(shard) => cp(join(shard, '../../../part1/shards/00000'), shard, { recursive: true, force: true }),
			/its shard.json is of shard 0/,
		],
	])('fails where, in a shard, %s', async (_, damage, message) => {
		const all = await parts(2);
		await damage(shardFolder(all[1]!, 1));
		const error = await failure(merge(all));
		expect(error.code).toBe('FILE_FAILED');
		expect(error.message).toMatch(message);
		expect(error.remedy).toBe('Delete the folder of the shard, and run the command that made it again.');
		expect(await readdir(folder.path('out'))).not.toContain('data');
	});

	test('names what was joined from a damaged shard, too', async () => {
		const one = await writeSet('one', [0, 1, 2]);
		await mkdir(dataFolder(one));
		await rm(join(shardFolder(one, 1), 'table.csv'));
		expect((await failure(merge([one]))).remedy).toBe(
			`Delete the folder of the shard, and ${dataFolder(one)}, which was joined from it, and run the command that made it again.`,
		);
	});

	test('has the identities of whichever part has them', async () => {
		const all = await parts(2);
		await writeFile(identitiesFile(all[0]!), 'x');
		await merge(all);
		expect(await readFile(identitiesFile(folder.path('out')))).toEqual(await readFile(identitiesFile(all[1]!)));
	});
});
