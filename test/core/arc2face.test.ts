// Load and detect of the public class, on the CPU.
import { getEventListeners } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { writeRandomBundle } from '../../benchmarks/random-bundle/bundle.ts';
import { Arc2Face, Identity, type Point } from '../../lib/index.ts';
import { goldenFolder, maxAbsError } from '../golden.ts';

const photo = join(import.meta.dirname, '../fixtures/astronaut.png');
/** Where the face of the photo is: eyes, nose, mouth corners. */
const keypoints: Point[] = [
	[205, 109],
	[249, 105],
	[228, 130],
	[212, 148],
	[247, 145],
];
const someone = Identity.from(Array.from({ length: 512 }, (_, i) => Math.sin(i * i)));

let bundle: string;
let model: Arc2Face;
beforeAll(async () => {
	bundle = await mkdtemp(join(tmpdir(), 'arc2face-model-'));
	await writeRandomBundle(bundle, { size: 'tiny' });
	model = await Arc2Face.load({ bundle });
});
afterAll(async () => {
	await model.dispose();
	await rm(bundle, { recursive: true });
});

/** The model still works: no earlier failure left it stuck. */
async function expectUsable() {
	const images = await model.generate(someone, { steps: 1, count: 2 });
	expect(images).toHaveLength(2);
}

describe('load', () => {
	test('is loaded, not constructed', () => {
		const construct = Arc2Face as unknown as new () => Arc2Face;
		expect(() => new construct()).toThrow(
			expect.objectContaining({ code: 'INVALID_ARGUMENT', remedy: 'Use `await Arc2Face.load()`.' }),
		);
	});

	test('tells what it chose', () => {
		expect(model.info).toMatchObject({
			device: 'cpu',
			provider: 'onnxruntime',
			version: expect.stringMatching(/^1\.\d+/),
			precision: 'fp32',
			bundle,
			imageSize: { width: 128, height: 128 },
			pixelsPerLatent: 8,
			canEncode: true,
		});
		expect(model.info.reasons.length).toBeGreaterThan(0);
	});

	test('tells how far it is', async () => {
		const seen: string[] = [];
		const own = await Arc2Face.load({
			bundle,
			onProgress: ({ network, done, total }) => seen.push(`${done}/${total} ${network}`),
		});
		await own.dispose();
		expect(seen).toEqual(['1/5 detector', '2/5 recognizer', '3/5 textEncoder', '4/5 vaeDecoder', '5/5 unet']);
	});

	test('rejects with what onProgress throws', async () => {
		const problem = new Error('the progress bar broke');
		const onProgress = () => {
			throw problem;
		};
		await expect(Arc2Face.load({ bundle, onProgress })).rejects.toBe(problem);
	});

	test('does nothing when the signal has aborted before', async () => {
		const reason = new Error('too late');
		const onProgress = vi.fn();
		await expect(Arc2Face.load({ bundle, onProgress, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
		expect(onProgress).not.toHaveBeenCalled();
	});

	test('stops when the signal aborts, also while a network is being made', async () => {
		const controller = new AbortController();
		const started = performance.now();
		let aborted = Number.NaN;
		const loading = Arc2Face.load({
			bundle,
			signal: controller.signal,
			onProgress: () => {
				if (controller.signal.aborted) return;
				// Between this network and the next, whose session starts at once.
				setImmediate(() => {
					aborted = performance.now();
					controller.abort();
				});
			},
		});
		await expect(loading).rejects.toMatchObject({ name: 'AbortError' });
		// At once, however long the session being created takes.
		expect(performance.now() - aborted).toBeLessThan(100);
		expect(aborted).toBeGreaterThan(started);
		expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
	});
});

describe('detect', () => {
	test('gives faces in pixels of the photo, largest first', async () => {
		// Random networks find faces anywhere, but none with certainty.
		const faces = await model.detect(photo, { threshold: 0, detectionSize: 320 });
		expect(faces.length).toBeGreaterThan(1);
		const areas = faces.map(({ box }) => box.width * box.height);
		expect(areas).toEqual(areas.toSorted((a, b) => b - a));
		for (const { score, keypoints } of faces) {
			expect(score).toBeGreaterThanOrEqual(0);
			expect(score).toBeLessThanOrEqual(1);
			expect(keypoints).toHaveLength(5);
		}
	});

	test('finds nobody without an error', async () => {
		expect(await model.detect(photo, { threshold: 1 })).toEqual([]);
	});
});

describe('encode', () => {
	test('makes an identity of the face at the keypoints, however the photo comes', async () => {
		const identity = await model.encode(photo, { face: keypoints });
		expect(Math.hypot(...identity.embedding)).toBeCloseTo(1, 5);
		const { data, info } = await sharp(photo).removeAlpha().raw().toBuffer({ resolveWithObject: true });
		const pixels = { data, width: info.width, height: info.height, channels: 3 as const };
		for (const same of [pathToFileURL(photo), await readFile(photo), pixels, sharp(photo)]) {
			const { embedding } = await model.encode(same, { face: keypoints });
			expect(maxAbsError(embedding, identity.embedding)).toBe(0);
		}
	});

	test('takes a face of detect by itself or by its index', async () => {
		const options = { threshold: 0, detectionSize: 320 };
		const faces = await model.detect(photo, options);
		const byFace = await model.encode(photo, { face: faces[1]! });
		const byIndex = await model.encode(photo, { ...options, face: 1 });
		expect(byFace.similarity(byIndex)).toBeCloseTo(1, 5);
		const largest = await model.encode(photo, options);
		expect(largest.similarity(await model.encode(photo, { face: faces[0]! }))).toBeCloseTo(1, 5);
	});

	test.each([
		['nobody in the photo', { threshold: 1 }, 'NO_FACE'],
		['several faces for "only"', { threshold: 0, face: 'only' }, 'INVALID_ARGUMENT'],
		['fewer faces than the index', { threshold: 0, face: 60_000 }, 'NO_FACE'],
		['keypoints in one place', { face: keypoints.map(() => [1, 1] as Point) }, 'INVALID_ARGUMENT'],
	] as const)('refuses %s', async (_, options, code) => {
		await expect(model.encode(photo, options as never)).rejects.toMatchObject({ name: 'Arc2FaceError', code });
	});

	test('rejects with the reason of a signal that has aborted, or aborts meanwhile', async () => {
		const reason = new Error('changed my mind');
		await expect(model.encode(photo, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
		const controller = new AbortController();
		const encoding = model.encode(photo, { signal: controller.signal });
		controller.abort(reason);
		await expect(encoding).rejects.toBe(reason);
		expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
	});
});

describe('a bundle without face networks', () => {
	test('paints, and says what it lacks for the rest', async () => {
		await using own = await Arc2Face.load({ bundle: `${goldenFolder}tiny-sd` });
		expect(own.info.canEncode).toBe(false);
		for (const call of [own.detect(photo), own.encode(photo, { face: keypoints })]) {
			await expect(call).rejects.toMatchObject({
				code: 'INVALID_BUNDLE',
				message: expect.stringMatching(/antelopev2\/scrfd_10g_bnkps\.onnx and no antelopev2\/arcface\.onnx/),
			});
		}
		const onStep = vi.fn();
		const checked = { steps: 1, check: { minSimilarity: 0 }, onStep };
		await expect(own.generate(someone, checked)).rejects.toMatchObject({
			code: 'INVALID_BUNDLE',
			message: expect.stringMatching(/^Can't check portraits: .* has no antelopev2.*arcface\.onnx/),
			details: { bundle: own.info.bundle },
		});
		expect(() => own.generateEach(someone, checked)).toThrow(expect.objectContaining({ code: 'INVALID_BUNDLE' }));
		expect(onStep).not.toHaveBeenCalled();
		expect(await own.generate(someone, { steps: 1 })).toHaveLength(1);
	});
});

describe('generate', () => {
	test.each([
		['dpm++2m', 3],
		['heun', 5],
		['pndm', 4],
	] as const)('tells every step of %s', async (sampler, evaluations) => {
		const seen: number[] = [];
		const onStep = ({ step, steps }: { step: number; steps: number }) => {
			expect(steps).toBe(evaluations);
			seen.push(step);
		};
		await model.generate(someone, { steps: 3, sampler, onStep });
		expect(seen).toEqual(Array.from({ length: evaluations }, (_, i) => i + 1));
	});

	test('stops with what onStep throws', async () => {
		const problem = new Error('enough');
		const onStep = vi.fn(() => {
			throw problem;
		});
		await expect(model.generate(someone, { steps: 1000, onStep })).rejects.toBe(problem);
		expect(onStep).toHaveBeenCalledOnce();
		await expectUsable();
	});

	test('does nothing when the signal has aborted before', async () => {
		const onStep = vi.fn();
		await expect(model.generate(someone, { onStep, signal: AbortSignal.abort('no') })).rejects.toBe('no');
		expect(onStep).not.toHaveBeenCalled();
	});

	test('stops when the signal aborts, with its reason, and leaves the model usable', async () => {
		for (const reason of [undefined, new Error('the client left')]) {
			const controller = new AbortController();
			const onStep = () => controller.abort(reason);
			const painting = model.generate(someone, { steps: 1000, onStep, signal: controller.signal });
			const error = await painting.catch((thrown: unknown) => thrown);
			expect(error).toBe(controller.signal.reason);
			expect(error).toMatchObject(reason ?? { name: 'AbortError' });
			expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
		}
		await expectUsable();
	});

	test('leaves no listener on the signal when all went well', async () => {
		const { signal } = new AbortController();
		await model.generate(someone, { steps: 1, signal });
		await model.encode(photo, { face: keypoints, signal });
		expect(getEventListeners(signal, 'abort')).toEqual([]);
	});

	test('does not see what happens to its arguments after the call', async () => {
		const numbers = Float32Array.from(someone.embedding);
		const latents = new Float32Array(4 * 16 * 16).map((_, i) => Math.sin(i));
		const options = { steps: 2, seed: 5, latents };
		const [expected] = await model.generate(numbers, options);
		const painting = model.generate(numbers, options);
		numbers.fill(1);
		latents.fill(0);
		const [image] = await painting;
		expect(Buffer.compare(image!.data, expected!.data)).toBe(0);
	});

	test('paints in the size that it is told', async () => {
		const [image] = await model.generate(someone, { steps: 1, width: 64, height: 96 });
		expect([image!.width, image!.height, image!.data.length]).toEqual([64, 96, 64 * 96 * 3]);
	});

	test('refuses an empty list of identities', async () => {
		await expect(model.generate([])).rejects.toMatchObject({
			code: 'INVALID_ARGUMENT',
			message: expect.stringContaining('`identity`'),
		});
	});
});

describe('dispose', () => {
	test('rejects what is pending, keeps images, and may be called again', async () => {
		const own = await Arc2Face.load({ bundle });
		const [image] = await own.generate(someone, { steps: 1 });
		const before = Buffer.from(image!.data);
		const pending = [
			own.generate(someone, { steps: 1000 }),
			own.generate(someone, { steps: 1000, seed: 1 }),
			own.encode(photo, { face: keypoints }),
		];
		const outcomes = Promise.allSettled(pending);
		await Promise.all([own.dispose(), own.dispose()]);
		await own.dispose();
		for (const outcome of await outcomes) {
			expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'Arc2FaceError', code: 'DISPOSED' } });
		}
		expect(Buffer.compare(image!.data, before)).toBe(0);
		const disposed = expect.objectContaining({ code: 'DISPOSED' });
		await expect(own.generate(someone)).rejects.toEqual(disposed);
		await expect(own.detect(photo)).rejects.toEqual(disposed);
		await expect(own.encode(photo)).rejects.toEqual(disposed);
	});

	test('happens at the end of a block', async () => {
		let kept: Arc2Face;
		{
			await using own = await Arc2Face.load({ bundle });
			kept = own;
		}
		await expect(kept.generate(someone)).rejects.toMatchObject({ code: 'DISPOSED' });
	});
});

test('the library writes nothing to stdout and stderr', async () => {
	const writes = [process.stdout, process.stderr].map((stream) => vi.spyOn(stream, 'write'));
	try {
		await using own = await Arc2Face.load({ bundle });
		await own.encode(photo, { face: keypoints });
		await own.generate(someone, { steps: 1 });
		await own.generate(someone, { steps: 0 }).catch(() => {});
		for (const write of writes) expect(write).not.toHaveBeenCalled();
	} finally {
		for (const write of writes) write.mockRestore();
	}
});
