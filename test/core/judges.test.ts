// The networks that judge images, loaded alone: against pytorch-fid and lpips, and what happens without their files, or with others.
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Judges, openJudges } from '../../lib/evaluation/judges.ts';
import type { Pixels } from '../../lib/photo.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { standIn } from '../engines.ts';
import { maxAbsError, readGolden } from '../golden.ts';
import { goldenImage, writeAlexNetWeights, writeInceptionWeights, writeLpipsHeads } from '../judge-weights.ts';
import { withEnvironment } from '../runtimes.ts';

const folder = temporaryFolder();
const cacheDir = folder.path('cache');
const [inceptionFile, alexNetFile, headsFile] = [
	'pt_inception-2015-12-05-6726825d.pth',
	'alexnet-owt-7be5be79.pth',
	'alex.pth',
];
const inceptions = readGolden('metrics/inception');
const pairs = readGolden('metrics/lpips');

/** A bundle folder with these files of the whole one; the others as given. */
function bundleOf(
	name: string,
	copied: readonly string[],
	written: Readonly<Record<string, string | Buffer>> = {},
): string {
	const bundle = folder.path(name);
	mkdirSync(join(bundle, 'evaluation'), { recursive: true });
	for (const file of copied) copyFileSync(folder.path(`whole/evaluation/${file}`), join(bundle, 'evaluation', file));
	for (const [file, content] of Object.entries(written)) writeFileSync(join(bundle, 'evaluation', file), content);
	return bundle;
}

async function imageOf(...where: Parameters<typeof goldenImage>): Promise<Pixels> {
	return { name: 'the image', photo: 'image', ...(await goldenImage(...where)) };
}

const one = (values: Iterable<number> = [0]) => {
	const data = Float32Array.from(values);
	return { shape: [data.length], data };
};

let whole: string;
let judges: Judges;
let image: Pixels;
beforeAll(async () => {
	whole = bundleOf('whole', []);
	const at = (file: string) => join(whole, 'evaluation', file);
	// The published files also have the layers that classify.
	await writeInceptionWeights(at(inceptionFile), { 'fc.weight': one(), 'fc.bias': one() });
	await writeAlexNetWeights(at(alexNetFile), { 'classifier.1.weight': one(), 'classifier.6.bias': one() });
	await writeLpipsHeads(at(headsFile));
	judges = await openJudges({ folder: whole, device: 'cpu', threads: 2, cacheDir });
	image = await imageOf(pairs, undefined, pairs.case('random_64').tensors.image0);
});
afterAll(() => judges.dispose());

test('tells what is there, and the digests of the files', () => {
	expect(judges.has).toEqual({ inception: true, lpips: true });
	const digestOf = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');
	const files = [inceptionFile, alexNetFile, headsFile].map((name) => join(whole, 'evaluation', name));
	expect(judges.files).toEqual(files.map((file) => ({ file, sha256: digestOf(file) })));
});

test.each(['photo_128x96', 'random_64x80'])('features of %s', async (name) => {
	const { photo_rect, tensors, accuracy } = inceptions.case(name);
	const features = await judges.inceptionFeatures(await imageOf(inceptions, photo_rect, tensors.image));
	expect(features).toBeInstanceOf(Float32Array);
	expect(maxAbsError(features, inceptions.floats(tensors.pool3!))).toBeLessThanOrEqual(accuracy!.atol);
});

/** The images of a pair. */
async function pairOf(name: string): Promise<[Pixels, Pixels]> {
	const { photo_rect0, photo_rect1, tensors } = pairs.case(name);
	return [await imageOf(pairs, photo_rect0, tensors.image0), await imageOf(pairs, photo_rect1, tensors.image1)];
}

test.each(['noise_64', 'other_200x255'])('distance of %s', async (name) => {
	const { tensors, accuracy } = pairs.case(name);
	const distance = await judges.lpipsDistance(...(await pairOf(name)));
	expect(maxAbsError([distance], pairs.floats(tensors.value!))).toBeLessThanOrEqual(accuracy!.atol);
});

test('calls may overlap', async () => {
	const [random, flipped] = [await pairOf('random_64'), await pairOf('flip_128')];
	const calls = [
		() => judges.lpipsDistance(...random),
		() => judges.inceptionFeatures(image),
		() => judges.lpipsDistance(...flipped),
	];
	const alone = [];
	for (const call of calls) alone.push(await call());
	expect(new Set(alone).size).toBe(3);
	expect(await Promise.all(calls.map((call) => call()))).toEqual(alone);
});

describe('without files', () => {
	test('there is nothing to judge with, and each call says which file is missing', async () => {
		const bundle = folder.path('nowhere');
		await using none = await openJudges({ folder: bundle });
		expect(none.has).toEqual({ inception: false, lpips: false });
		expect(none.files).toEqual([]);
		for (const [call, file] of [
			[none.inceptionFeatures(image), inceptionFile],
			[none.lpipsDistance(image, image), alexNetFile],
		] as const) {
			await expect(call).rejects.toMatchObject({
				code: 'INVALID_BUNDLE',
				problem: expect.stringContaining(join(bundle, 'evaluation', file)),
				remedy: expect.stringContaining('`arc2face pull --with evaluation`'),
				details: { file: join(bundle, 'evaluation', file) },
			});
		}
	});

	test('of one network the other judges', async () => {
		const bundle = bundleOf('half', [alexNetFile, headsFile]);
		await using half = await openJudges({ folder: bundle, device: 'cpu', cacheDir });
		expect(half.has).toEqual({ inception: false, lpips: true });
		expect(half.files.map(({ file }) => basename(file))).toEqual([alexNetFile, headsFile]);
		expect(await half.lpipsDistance(image, image)).toBe(0);
		await expect(half.inceptionFeatures(image)).rejects.toMatchObject({ code: 'INVALID_BUNDLE' });
	});

	test('one of two is not enough', async () => {
		const bundle = bundleOf('third', [alexNetFile]);
		await using third = await openJudges({ folder: bundle, device: 'cpu', cacheDir });
		expect(third.has).toEqual({ inception: false, lpips: false });
		await expect(third.lpipsDistance(image, image)).rejects.toThrow(headsFile);
	});

	test('of the official bundle, a pull brings them', async () => {
		const home = folder.path('home');
		await withEnvironment({ ARC2FACE_HOME: home }, async () => {
			await using none = await openJudges({ folder: join(home, 'arc2face') });
			await expect(none.inceptionFeatures(image)).rejects.toMatchObject({
				remedy: expect.stringMatching(/^Run `arc2face pull --with evaluation`/),
			});
		});
	});
});

describe('with other files', () => {
	const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:ec639a04\nsize 260694151\n';

	test('a pointer of git-lfs is told', async () => {
		const bundle = bundleOf('pointer', [], { [inceptionFile]: pointer });
		await expect(openJudges({ folder: bundle, device: 'cpu', cacheDir })).rejects.toMatchObject({
			code: 'INVALID_WEIGHTS',
			problem: expect.stringMatching(/6726825d\.pth but received a pointer file of git-lfs/),
			details: { file: join(bundle, 'evaluation', inceptionFile), network: 'inception' },
		});
	});

	test('a file that is cut short is told', async () => {
		const bytes = readFileSync(join(whole, 'evaluation', alexNetFile));
		const bundle = bundleOf('cut', [headsFile], { [alexNetFile]: bytes.subarray(0, bytes.length - 1000) });
		await expect(openJudges({ folder: bundle, device: 'cpu', cacheDir })).rejects.toMatchObject({
			code: 'INVALID_WEIGHTS',
			problem: expect.stringContaining(alexNetFile),
		});
	});

	test('weights of another network are told by their tensor', async () => {
		const heads = readFileSync(join(whole, 'evaluation', headsFile));
		const bundle = bundleOf('other', [headsFile], { [alexNetFile]: heads });
		await expect(openJudges({ folder: bundle, device: 'cpu', cacheDir })).rejects.toMatchObject({
			code: 'INVALID_WEIGHTS',
			remedy: expect.stringContaining('`arc2face pull --with evaluation`'),
			details: { tensor: 'features.0.weight', file: join(bundle, 'evaluation', alexNetFile), network: 'lpips' },
		});
	});

	test('numbers that are none are told by tensor and file once they matter', async () => {
		const bundle = bundleOf('spoiled', [alexNetFile]);
		const spoiled = { shape: [1, 64, 1, 1], data: new Float32Array(64).fill(Number.NaN) };
		await writeLpipsHeads(join(bundle, 'evaluation', headsFile), { 'lin0.model.1.weight': spoiled });
		await using opened = await openJudges({ folder: bundle, device: 'cpu', cacheDir });
		await expect(opened.lpipsDistance(image, image)).rejects.toMatchObject({
			code: 'INVALID_WEIGHTS',
			problem: expect.stringContaining('lin0.model.1.weight'),
			remedy: expect.stringContaining('copy or download it again'),
			details: { file: join(bundle, 'evaluation', headsFile), network: 'lpips' },
		});
	});
});

describe('of images', () => {
	const grey = (width: number, height: number): Pixels => ({
		...{ name: 'grey', photo: 'grey', width, height },
		data: new Uint8Array(width * height * 3).fill(128),
	});

	test('any size has features', async () => {
		expect(await judges.inceptionFeatures(grey(1, 1))).toHaveLength(2048);
		expect(await judges.inceptionFeatures(grey(7, 300))).toHaveLength(2048);
	});

	test('pairs have one size, large enough', async () => {
		await expect(judges.lpipsDistance(grey(64, 48), grey(48, 64))).rejects.toMatchObject({
			code: 'INVALID_IMAGE',
			problem: expect.stringContaining('64 x 48 and 48 x 64'),
		});
		await expect(judges.lpipsDistance(grey(64, 30), grey(64, 30))).rejects.toMatchObject({ code: 'INVALID_IMAGE' });
		expect(await judges.lpipsDistance(grey(31, 31), grey(31, 31))).toBe(0);
	});

	test('pixels are as many as the size says', async () => {
		const short = { ...grey(8, 8), data: new Uint8Array(8) };
		await expect(judges.inceptionFeatures(short)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
	});
});

describe('ends', () => {
	test('when its signal has aborted', async () => {
		const reason = new Error('enough');
		await expect(openJudges({ folder: whole, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
		await expect(judges.inceptionFeatures(image, AbortSignal.abort(reason))).rejects.toBe(reason);
	});

	test('a call whose signal aborts, and no other', async () => {
		const controller = new AbortController();
		const reason = new Error('enough');
		const calls = [judges.inceptionFeatures(image, controller.signal), judges.inceptionFeatures(image)] as const;
		setTimeout(() => controller.abort(reason), 1);
		await expect(calls[0]).rejects.toBe(reason);
		expect(await calls[1]).toHaveLength(2048);
	});

	test('opening, when its signal aborts meanwhile', async () => {
		const controller = new AbortController();
		const opening = openJudges({ folder: whole, device: 'cpu', cacheDir, signal: controller.signal });
		setImmediate(() => controller.abort());
		await expect(opening).rejects.toMatchObject({ name: 'AbortError' });
	});

	test('calls that wait when it is disposed, and later ones', async () => {
		const own = await openJudges({ folder: bundleOf('own', [alexNetFile, headsFile]), device: 'cpu', cacheDir });
		// Calls take turns: those before the last may be over by then.
		const pending = Array.from({ length: 20 }, () => own.lpipsDistance(image, image));
		const disposal = own.dispose();
		await Promise.allSettled(pending);
		await expect(pending.at(-1)).rejects.toMatchObject({
			code: 'DISPOSED',
			remedy: expect.stringContaining('openJudges()'),
		});
		await disposal;
		await own.dispose();
		await expect(own.lpipsDistance(image, image)).rejects.toMatchObject({ code: 'DISPOSED' });
		// It shares its thread with the others.
		expect(await judges.lpipsDistance(image, image)).toBe(0);
	});
});

// On the host, with engines that compute something else: what is built and run is the subject.
describe('with engines', () => {
	const onStandIn = <T>(work: () => Promise<T>) => withEnvironment({ ARC2FACE_PROVIDER: standIn.provider }, work);
	const sizes = [{ width: 64, height: 48 }];
	const still = (width: number, height: number, level: number): Pixels => ({
		...{ name: 'still', photo: 'still', width, height },
		data: new Uint8Array(width * height * 3).fill(level),
	});

	test('runs the sizes that they are built for', async () => {
		await onStandIn(async () => {
			const onProgress = vi.fn();
			const options = { folder: whole, device: 'cuda:0', imageSizes: sizes, cacheDir, onProgress } as const;
			await using built = await openJudges(options);
			expect(built.has).toEqual({ inception: true, lpips: true });
			const networksOf = (phase: string) =>
				new Set(onProgress.mock.calls.flatMap(([one]) => (one.phase === phase ? [one.network] : [])));
			expect(networksOf('building')).toEqual(new Set(['inception', 'lpips']));
			expect(await built.inceptionFeatures(still(64, 48, 9))).toHaveLength(2048);
			expect(await built.lpipsDistance(still(64, 48, 9), still(64, 48, 200))).toEqual(expect.any(Number));
			await expect(built.inceptionFeatures(still(48, 64, 9))).rejects.toMatchObject({
				code: 'INVALID_ARGUMENT',
				problem: expect.stringContaining('64 × 48'),
				remedy: expect.stringContaining('`imageSizes`'),
			});
			onProgress.mockClear();
			await using again = await openJudges(options);
			expect(networksOf('building')).toEqual(new Set());
			expect(again.has.lpips).toBe(true);
		});
	});
});
