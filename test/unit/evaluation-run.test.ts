// An evaluation from photos to its report, over a model and networks that are made up: what is told, what is resumed, what is refused.
import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import sharp from 'sharp';
import { beforeEach, describe, expect, test } from 'vitest';
import { Arc2FaceError } from '../../lib/errors.ts';
import { evaluate, prepare, type Tools } from '../../lib/evaluation/evaluate.ts';
import { compute } from '../../lib/evaluation/figures.ts';
import type { Judges } from '../../lib/evaluation/judges.ts';
import type { DescribedModel } from '../../lib/evaluation/model-record.ts';
import { portraitPairs } from '../../lib/evaluation/portrait-pairs.ts';
import { Random } from '../../lib/evaluation/random.ts';
import type { Report } from '../../lib/evaluation/report.ts';
import { GeneratedImage, Identity, type Photo, type RawPhoto } from '../../lib/index.ts';
import { type EvaluationOptions, resolveEvaluationOptions } from '../../lib/options/evaluation.ts';
import { usualPresets } from '../../lib/options/presets.ts';
import type { Pixels } from '../../lib/photo.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';

const temporary = temporaryFolder();
const photos = () => temporary.path('people');
const out = () => temporary.path('report');

/** A photo of one colour: who is red or green is a person, and who is black has no face. */
async function put(name: string, [r, g, b]: readonly [number, number, number], side = 64): Promise<void> {
	const file = temporary.path(name);
	await mkdir(dirname(file), { recursive: true });
	await sharp({ create: { width: side, height: side, channels: 3, background: { r, g, b } } })
		.png()
		.toFile(file);
}
const red = [200, 0, 0] as const;
const green = [0, 200, 0] as const;
const black = [0, 0, 0] as const;

/** Colours are embeddings. */
function embed({ data }: RawPhoto): Float32Array {
	const embedding = new Float32Array(512);
	const length = Math.hypot(data[0]!, data[1]!, data[2]!);
	embedding.set([data[0]! / length, data[1]! / length, data[2]! / length]);
	return embedding;
}

class FakeModel {
	readonly info = { device: 'cpu', provider: 'onnxruntime', version: '1', precision: 'fp32' } as Tools['model']['info'];
	/** Of all portraits that were painted. */
	readonly seeds: number[] = [];
	/** Called before each portrait is given. */
	beforeImage: (seed: number) => void = () => {};

	async detect(photo: Photo) {
		const { data } = photo as RawPhoto;
		if (data[0]! + data[1]! + data[2]! < 30) return [];
		const keypoints = [
			[24, 28],
			[40, 28],
			[32, 36],
			[26, 44],
			[38, 44],
		] as [number, number][];
		const box = { x: 16, y: 16, width: 32, height: 36 };
		const face = { box, keypoints, score: 0.9, rotation: 0 as const };
		// Blue says that there is another face.
		return data[2]! > 200 ? [face, face] : [face];
	}

	async encode(photo: Photo) {
		return Identity.from(embed(photo as RawPhoto));
	}

	async *generateEach(identities: unknown, { seed }: { seed?: unknown }) {
		for (const [index, { embedding }] of (identities as Identity[]).entries()) {
			const own = (seed as number[])[index]!;
			this.beforeImage(own);
			this.seeds.push(own);
			// Every portrait is a little blue, and the more the higher its seed.
			const colour = [240 * embedding[0]!, 240 * embedding[1]!, 40 * (own % 1000)];
			// The last row is black: who cuts the face out does not see it.
			const data = Uint8Array.from({ length: 3 * 48 * 48 }, (_, i) => (i < 3 * 48 * 47 ? colour[i % 3]! : 0));
			yield new GeneratedImage(data, { width: 48, height: 48 }, own, index);
		}
	}
}

/** Counts what is asked of it. */
function fakeJudges(has: Judges['has']): Judges & { asked: { features: Pixels[]; pairs: number } } {
	const asked = { features: [] as Pixels[], pairs: 0 };
	return {
		...{ has, asked, files: has.inception ? [{ file: '/weights/inception.pth', sha256: 'f'.repeat(64) }] : [] },
		async inceptionFeatures(image) {
			asked.features.push(image);
			return Float32Array.from({ length: 2048 }, (_, k) => (image.data[k % 3]! + k + asked.features.length) / 255);
		},
		async lpipsDistance(a, b) {
			asked.pairs++;
			return Math.abs(a.data[2]! - b.data[2]!) / 100;
		},
		async dispose() {},
		async [Symbol.asyncDispose]() {},
	};
}

const described: DescribedModel = {
	record: {
		...{ bundle: 'made-up', weights: { unet: ['a'.repeat(64)] }, settings: 'b'.repeat(64), loras: [] },
		...{ detector: 'c'.repeat(64), recogniser: 'd'.repeat(64) },
	},
	folder: '/made-up',
	geometry: { width: 48, height: 48, pixelsPerLatent: 8 },
	framing: 'ffhq',
	isOfficial: { unet: false, recogniser: false },
};

type Run = {
	options?: EvaluationOptions;
	portraits?: string;
	model?: FakeModel;
	judges?: Judges;
	change?: Partial<DescribedModel>;
	signal?: AbortSignal;
	source?: string;
};
let told: { file: string; code: string; remedy?: string }[];
/** How many portraits were there before painting, of how many. */
let begun: [there: number, total: number][];
beforeEach(async () => {
	[told, begun] = [[], []];
	await rm(temporary.path('people'), { recursive: true, force: true });
	await rm(out(), { recursive: true, force: true });
});

async function run({
	options = {},
	portraits,
	model = new FakeModel(),
	judges,
	change,
	signal,
	source,
}: Run = {}): Promise<Report> {
	const stop = signal ?? new AbortController().signal;
	const resolved = resolveEvaluationOptions({ perIdentity: 2, steps: 3, ...options }, usualPresets.standard);
	const asked = {
		photos: source ?? photos(),
		portraits,
		out: out(),
		options: resolved,
		size: undefined,
		decoder: 'vae',
	};
	const prepared = await prepare({ ...asked, described: { ...described, ...change } }, stop);
	return await evaluate(prepared, {
		model: model as unknown as Tools['model'],
		judges: judges ?? fakeJudges({ inception: false, lpips: false }),
		missing: { inception: 'Pull Inception.', lpips: 'Pull AlexNet.' },
		attempt: async (file, work) => {
			try {
				return await work();
			} catch (error) {
				if (!(error instanceof Arc2FaceError)) throw error;
				told.push({ file, code: error.code, ...(error.remedy !== undefined && { remedy: error.remedy }) });
				return { error: error.toJSON() };
			}
		},
		run: async (tasks) => tasks.map(compute),
		onPainting: (...there) => begun.push(there),
		onProgress() {},
		signal: stop,
	});
}

async function twoPeople(): Promise<void> {
	await put('people/anna/1.png', red);
	await put('people/anna/2.png', red);
	await put('people/berta/1.png', green);
}
const read = async (name: string) => JSON.parse(await readFile(`${out()}/${name}`, 'utf8'));

describe('a run', () => {
	test('paints the asked portraits of each person, from its first photo, and tells exact numbers', async () => {
		await twoPeople();
		const model = new FakeModel();
		const report = await run({ model, options: { seed: 7 } });
		expect(model.seeds).toEqual([7, 8, 1007, 1008]);
		expect((await readdir(`${out()}/portraits`)).sort()).toEqual(['anna', 'berta']);
		expect((await readdir(`${out()}/portraits/berta`)).sort()).toEqual(['1007.png', '1008.png']);
		// Red of 240 with blue of 280 − 256 = 24 for seed 7, of 320 − 256 = 64 for seed 8.
		const cosines = [24, 64].map((blue) => 240 / Math.hypot(240, blue));
		expect(report.figures.id.value).toBeCloseTo((cosines[0]! + cosines[1]!) / 2, 5);
		expect(report.figures.facesFound.value).toBe(1);
		expect(report.figures.id.photos).toBeCloseTo(1, 6);
		expect(report.worst.map(({ portrait }) => portrait).sort()).toEqual(['anna/8.png', 'berta/1008.png']);
		expect(report.best.map(({ portrait }) => portrait).sort()).toEqual(['anna/7.png', 'berta/1007.png']);
		expect(report.people).toEqual([
			{
				name: 'anna',
				input: 'anna/1.png',
				photos: 2,
				portraits: 2,
				similarity: expect.closeTo(report.figures.id.value!, 6),
			},
			{
				name: 'berta',
				input: 'berta/1.png',
				photos: 1,
				portraits: 2,
				similarity: expect.closeTo(report.figures.id.value!, 6),
			},
		]);
		expect(report.similarities!.count).toBe(4);
		expect(report.protocol).toMatchObject({
			perIdentity: 2,
			steps: 3,
			guidanceScale: 3,
			size: '48 × 48',
			seed: 7,
			alignment: 'photos',
		});
		expect(await read('report.json')).toEqual(JSON.parse(JSON.stringify(report)));
	});

	test('without the networks of FID and LPIPS says what to do, and without 20 people what intervals are worth', async () => {
		await twoPeople();
		const { figures, warnings } = await run();
		expect(figures.fid).toMatchObject({ value: null, missing: 'Pull Inception.' });
		expect(figures.lpips).toMatchObject({ value: null, missing: 'Pull AlexNet.' });
		expect(warnings).toEqual([
			"Not comparable with the paper's figures, because these differ: weights, steps, portraits of a person, size, recogniser that judges.",
			'The intervals come from drawing only 2 people again and again: they may be far too narrow.',
			'People of whom there is one photo, so that nothing else says what they look like: 1.',
		]);
	});

	test('has the networks compare photos cut to the portraits’ size, and every pair of portraits of a person', async () => {
		await twoPeople();
		const judges = fakeJudges({ inception: true, lpips: true });
		const { figures, judges: files } = await run({ judges, options: { perIdentity: 3 } });
		expect(judges.asked.features).toHaveLength(6 + 3);
		expect(judges.asked.features.every(({ width, height }) => width === 48 && height === 48)).toBe(true);
		expect(judges.asked.pairs).toBe(2 * 3);
		// Blue of 0, 40 and 80.
		expect(figures.lpips.value).toBeCloseTo((0.4 + 0.8 + 0.4) / 3, 6);
		expect(figures.fid.value).toBeTypeOf('number');
		expect(files).toEqual([{ file: 'inception.pth', sha256: 'f'.repeat(64) }]);
	});

	test('compares some pairs of very many portraits of a person, and tells of how many', async () => {
		await twoPeople();
		for (let i = 0; i < 34; i++) await put(`many/anna/${i + 10}.png`, [200, 0, i], 48);
		await writeFile(temporary.path('many/anna/19.png'), 'no photo');
		for (const name of ['a', 'b']) await put(`many/berta/${name}.png`, green, 48);
		const judges = fakeJudges({ inception: false, lpips: true });
		const { figures } = await run({ judges, portraits: temporary.path('many') });
		// Drawn of 34 portraits, without those of the one that can't be read.
		const pairs = portraitPairs(34, new Random(0)).filter((pair) => !pair.includes(9));
		expect(pairs.length).toBeLessThan(500);
		const mean = pairs.reduce((sum, [i, j]) => sum + Math.abs(i - j) / 100, 0) / pairs.length;
		const all = (33 * 32) / 2;
		expect(judges.asked.pairs).toBe(pairs.length + 1);
		expect(figures.lpips.value).toBeCloseTo((all * mean) / (all + 1), 9);
		expect(figures.lpips.sample).toBe(`${pairs.length + 1} of ${all + 1} pairs of portraits of one person`);
	});

	test('cuts portraits, too, where they are framed otherwise, unless it is told not to', async () => {
		await twoPeople();
		const framing = { cameraDistance: 11, headHeight: 0.76 };
		const alignmentOf = async (how: Run) => {
			await rm(out(), { recursive: true, force: true });
			const judges = fakeJudges({ inception: true, lpips: false });
			const { protocol } = await run({ ...how, judges });
			const isUncut = judges.asked.features.slice(0, 4).map(({ data }) => data.at(-3) === 0 && data.at(-2) === 0);
			return [protocol.alignment, ...isUncut];
		};
		const [cut, uncut] = [Array(4).fill(false), Array(4).fill(true)];
		expect(await alignmentOf({ change: { framing } })).toEqual(['both', ...cut]);
		expect(await alignmentOf({ change: { framing }, options: { alignment: 'photos' } })).toEqual(['photos', ...uncut]);
		expect(await alignmentOf({})).toEqual(['photos', ...uncut]);
		expect(await alignmentOf({ options: { alignment: 'both' } })).toEqual(['both', ...cut]);
	});
});

test('goes on where a kill left half a record', async () => {
	await twoPeople();
	await mkdir(out());
	await writeFile(`${out()}/.0123456789ab.tmp`, '{"format": 1,');
	await run();
	expect((await readdir(out())).sort()).toEqual(['portraits', 'report.html', 'report.json', 'run.json']);
});

describe('photos of no use', () => {
	test('are told by name before anything is painted, counted, and the rest goes on', async () => {
		await twoPeople();
		await put('people/anna/0.png', black);
		await put('people/clara/1.png', black);
		await put('people/dora/1.png', [100, 100, 255]);
		await mkdir(temporary.path('people/emma'));
		await writeFile(temporary.path('people/berta/0.jpg'), 'no photo');
		const model = new FakeModel();
		let before: number | undefined;
		model.beforeImage = () => {
			before ??= told.length;
		};
		const report = await run({ model });
		const expected = [
			{ file: `${photos()}/anna/0.png`, code: 'NO_FACE' },
			{ file: `${photos()}/berta/0.jpg`, code: 'INVALID_IMAGE' },
			{ file: `${photos()}/clara/1.png`, code: 'NO_FACE' },
		];
		expect(told).toMatchObject(expected);
		expect(told).toHaveLength(3);
		expect(before).toBe(3);
		expect(report.photos).toMatchObject({ people: 3, listed: 7, withFace: 4, lost: ['clara'], empty: ['emma'] });
		expect(report.photos.severalFaces).toEqual(['dora/1.png']);
		expect(report.photos.failed.map(({ name }) => name)).toEqual(['anna/0.png', 'berta/0.jpg', 'clara/1.png']);
		// From the first that shows a face; clara keeps her seeds to herself.
		expect(report.people.map(({ name, input }) => [name, input])).toEqual([
			['anna', 'anna/1.png'],
			['berta', 'berta/1.png'],
			['dora', 'dora/1.png'],
		]);
		expect(model.seeds).toEqual([0, 1, 1000, 1001, 3000, 3001]);
		expect(report.warnings).toContain('Photos that could not be used, and were left out: 3.');
		expect(report.warnings).toContain('Photos with several faces, of which the largest was taken: 1 (dora/1.png).');
		expect(report.warnings).toContain('People of whom no photo could be used, and who were left out: 1 (clara).');
		expect(report.warnings).toContain('Folders without a photo: 1 (emma).');
		const page = await readFile(`${out()}/report.html`, 'utf8');
		expect(page).toContain('6 portraits of 3 people, against 4 photos of 3.');
		expect(page).toContain('<h3>Folders without a photo</h3><ul><li>emma</li></ul>');
		expect(page).toContain(
			'<h3>Photos with several faces, of which the largest was taken</h3><ul><li>dora/1.png</li></ul>',
		);
	});

	test('that a list names wrongly are told with the folder that its paths start from', async () => {
		await twoPeople();
		const source = temporary.path('wrong.csv');
		await writeFile(
			source,
			'person,file\nanna,people/anna/nope.jpg\nanna,people/anna/1.png\nberta,people/berta/1.png\n',
		);
		await run({ source });
		const remedy = `Check its path in ${source}; a relative one starts from the folder of that list.`;
		expect(told).toEqual([{ file: `${photos()}/anna/nope.jpg`, code: 'INVALID_IMAGE', remedy }]);
	});

	test.each([
		['NO_FACE', black],
		['INVALID_IMAGE', undefined],
	] as const)('that leave one person end it with %s, and nothing is written', async (code, colour) => {
		await put('people/anna/1.png', red);
		await put('people/berta/1.png', green);
		if (colour) await put('people/berta/1.png', colour);
		else await writeFile(temporary.path('people/berta/1.png'), 'no photo');
		await expect(run()).rejects.toMatchObject({
			code,
			problem: 'Expected faces of at least 2 people in the photos but found those of 1.',
		});
		await expect(stat(out())).rejects.toThrow('ENOENT');
	});

	test('portraits without a face have no similarity, and are named', async () => {
		await twoPeople();
		await put('given/anna/1.png', red, 48);
		await put('given/anna/2.png', black, 48);
		await put('given/berta/1.png', green, 48);
		const report = await run({ portraits: temporary.path('given') });
		expect(report.portraits).toMatchObject({ count: 3, withFace: 2, faceless: ['anna/2.png'] });
		expect(report.figures.facesFound.value).toBeCloseTo(2 / 3, 12);
		expect(report.figures.id.value).toBeCloseTo(1, 6);
		expect(report.warnings).toContain('Portraits without a face, which are compared uncut: 1.');
	});
});

describe('portraits that others made', () => {
	test('are looked at, and nothing is painted', async () => {
		await twoPeople();
		await put('others/anna/x.png', [200, 150, 0], 40);
		await put('others/berta/x.png', [0, 200, 0], 40);
		await put('others/emma/x.png', red, 40);
		await writeFile(temporary.path('others/berta/y.png'), 'no photo');
		const model = new FakeModel();
		const judges = fakeJudges({ inception: true, lpips: false });
		const report = await run({ portraits: temporary.path('others'), model, judges });
		expect(model.seeds).toEqual([]);
		expect((await readdir(out())).sort()).toEqual(['report.html', 'report.json', 'run.json']);
		expect(report.figures.id.value).toBeCloseTo((0.8 + 1) / 2, 6);
		expect(report.portraits).toMatchObject({ count: 2, unknown: ['emma'] });
		expect(report.portraits.failed.map(({ name }) => name)).toEqual(['berta/y.png']);
		expect(report.protocol).toMatchObject({ portraits: 'given', steps: null, alignment: 'both', comparedSide: 48 });
		expect(judges.asked.features.every(({ width }) => width === 48)).toBe(true);
	});

	test('of some people leave the photos of the others for comparison', async () => {
		await twoPeople();
		await put('people/clara/1.png', [0, 0, 180]);
		await put('some/anna/x.png', red);
		await put('some/berta/x.png', green);
		const report = await run({ portraits: temporary.path('some') });
		expect(report.people.map(({ name, portraits }) => [name, portraits])).toEqual([
			['anna', 1],
			['berta', 1],
			['clara', 0],
		]);
		expect(report.warnings).toContain(
			'People of whom there are no portraits, whose photos are compared all the same: 1.',
		);
		expect(report.warnings).toContain(
			'The intervals come from drawing only 2 people again and again: they may be far too narrow.',
		);
		expect(report.portraits.people).toBe(2);
		expect(report.figures.id.sample).toBe('2 portraits of 2 people');
		expect(await readFile(`${out()}/report.html`, 'utf8')).toContain('2 portraits of 2 people, against 4 photos of 3.');
	});
});

describe('a folder that holds a run', () => {
	test('is gone on with: what was painted before it was interrupted is not painted again', async () => {
		await twoPeople();
		const stop = new AbortController();
		const first = new FakeModel();
		first.beforeImage = (seed) => {
			if (seed !== 1000) return;
			stop.abort();
			stop.signal.throwIfAborted();
		};
		await expect(run({ model: first, signal: stop.signal })).rejects.toThrow('aborted');
		expect((await readdir(out())).sort()).toEqual(['portraits', 'run.json']);
		expect(await readdir(`${out()}/portraits`)).toEqual(['anna']);
		const second = new FakeModel();
		const resumed = await run({ model: second });
		expect(begun).toEqual([
			[0, 4],
			[2, 4],
		]);
		expect(second.seeds).toEqual([1000, 1001]);

		await rm(out(), { recursive: true });
		const whole = await run();
		expect({ ...resumed, made: '' }).toEqual({ ...whole, made: '' });
	});

	test.each<[string, () => Promise<Run>, string]>([
		['other options', async () => ({ options: { steps: 4, seed: 1 } }), 'steps was 3 and is 4; seed was 0 and is 1'],
		['another number of portraits', async () => ({ options: { perIdentity: 3 } }), 'perIdentity was 2 and is 3'],
		[
			'another model',
			async () => ({
				change: { record: { ...described.record, recogniser: 'e'.repeat(64), weights: { unet: ['0'.repeat(64)] } } },
			}),
			'the model\'s weights was {"unet":["aaa',
		],
		[
			'other photos',
			async () => {
				await put('people/anna/2.png', [10, 200, 0]);
				await put('people/anna/3.png', red);
				await rm(temporary.path('people/berta/1.png'));
				await put('people/berta/2.png', green);
				return {};
			},
			'other photos (anna/2.png has changed, berta/1.png is gone, anna/3.png is new and 1 more)',
		],
		[
			'another device',
			async () => {
				const model = new FakeModel();
				Object.assign(model.info, { device: 'cuda:0', provider: 'tensorrt' });
				return { model };
			},
			'the device was cpu and is cuda; the provider was onnxruntime and is tensorrt',
		],
		[
			'other networks that judge',
			async () => ({ judges: fakeJudges({ inception: true, lpips: false }) }),
			'networks that judge was',
		],
		[
			'portraits that others made',
			async () => {
				await put('given/anna/1.png', red);
				await put('given/berta/1.png', green);
				return { portraits: temporary.path('given') };
			},
			'other portraits (',
		],
	])('of %s is refused, saying what differs, and nothing in it changes', async (_, change, difference) => {
		await twoPeople();
		await run();
		const before = await contents();
		const changed = await change();
		await expect(run(changed)).rejects.toMatchObject({
			code: 'INVALID_ARGUMENT',
			problem: expect.stringContaining(difference),
			remedy: 'Choose another folder with --out, or move this one away. Nothing was changed.',
		});
		expect(await contents()).toEqual(before);
		expect(changed.model?.seeds ?? []).toEqual([]);
	});

	test('of given portraits that were compared in another size is refused', async () => {
		await twoPeople();
		await put('given/anna/1.png', red);
		await put('given/berta/1.png', green);
		const portraits = temporary.path('given');
		await run({ portraits });
		await expect(run({ portraits, change: { geometry: { ...described.geometry, width: 40 } } })).rejects.toMatchObject({
			problem: expect.stringContaining('comparedSide was 48 and is 40'),
		});
	});

	test.each([
		['another photo first', 'anna,people/anna/2.png\nanna,people/anna/1.png\nberta,people/berta/1.png\n'],
		['a photo of somebody else', 'anna,people/anna/1.png\nberta,people/anna/2.png\nberta,people/berta/1.png\n'],
	])('of a list with %s is refused: its portraits are of other photos', async (_, rows) => {
		await twoPeople();
		const source = temporary.path('people.csv');
		await writeFile(source, 'person,file\nanna,people/anna/1.png\nanna,people/anna/2.png\nberta,people/berta/1.png\n');
		await run({ source });
		const before = await contents();
		await writeFile(source, `person,file\n${rows}`);
		await expect(run({ source })).rejects.toMatchObject({
			code: 'INVALID_ARGUMENT',
			problem: expect.stringContaining('its photos were listed in another order, or as those of other people'),
		});
		expect(await contents()).toEqual(before);
	});

	test.each([
		['files of something else', 'novel.txt', 'chapter one', 'has other files'],
		['a record that is none', 'run.json', '{"format": 2}', 'Expected the record of a run'],
		['a record cut short', 'run.json', '{"format": 1, "opt', 'Expected the record of a run'],
	])('with %s is refused', async (_, name, text, problem) => {
		await twoPeople();
		await mkdir(out());
		await writeFile(`${out()}/${name}`, text);
		await expect(run()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', problem: expect.stringContaining(problem) });
		expect(await contents()).toEqual({ [name]: text });
	});

	test('may be empty', async () => {
		await twoPeople();
		await mkdir(out());
		expect((await run()).portraits.count).toBe(4);
	});

	test('is the same run wherever the photos lie', async () => {
		await twoPeople();
		await run();
		await rm(temporary.path('elsewhere'), { recursive: true, force: true });
		await cp(photos(), temporary.path('elsewhere'), { recursive: true });
		const model = new FakeModel();
		await run({ model, source: temporary.path('elsewhere') });
		expect(model.seeds).toEqual([]);
	});

	/** Of all files, pictures by their bytes. */
	async function contents(): Promise<Record<string, string>> {
		const names = await readdir(out(), { recursive: true, withFileTypes: true });
		const files = names.filter((entry) => entry.isFile()).map((entry) => `${entry.parentPath}/${entry.name}`);
		const all = await Promise.all(
			files.map(async (file) => [file.slice(out().length + 1), await readFile(file, 'latin1')]),
		);
		return Object.fromEntries(all);
	}
});

describe('options', () => {
	test.each<[EvaluationOptions, string]>([
		[{ perIdentity: 0 }, 'perIdentity'],
		[{ perIdentity: 1001 }, 'perIdentity'],
		[{ seed: -1 }, 'seed'],
		[{ seed: 2 ** 53 }, 'seed'],
		[{ steps: 0 }, 'steps'],
		[{ alignment: 'none' as 'both' }, 'alignment'],
	])('%j are refused', (options, option) => {
		expect(() => resolveEvaluationOptions(options, usualPresets.standard)).toThrow(
			expect.objectContaining({ code: 'INVALID_ARGUMENT', details: { option } }),
		);
	});

	test("are the paper's where none are given", () => {
		expect(resolveEvaluationOptions({}, usualPresets.standard)).toEqual({
			...{ perIdentity: 5, steps: 25, guidanceScale: 3, sampler: 'dpm++2m', seed: 0 },
		});
	});
});
