// Pools of models on several devices, which the stand-in for TensorRT pretends on the host; and what models count of their work.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { writeRandomBundle } from '../../benchmarks/random-bundle/bundle.ts';
import { Arc2Face, Arc2FacePool, type LoadOptions, type Usage } from '../../lib/index.ts';
import { loadNative, type NativeCall, type NativeLoadRequest, type NativeModel } from '../../lib/native.ts';
import type { LoadProgress } from '../../lib/options/load.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { standIn } from '../engines.ts';
import { differenceOf, identity, otherIdentity } from '../mixtures.ts';
import { withEnvironment } from '../runtimes.ts';

const folder = temporaryFolder();
const bundle = folder.path('bundle');
const withStandIn = <T>(work: () => Promise<T>) => withEnvironment({ ARC2FACE_PROVIDER: standIn.provider }, work);
const options: LoadOptions = { bundle, cacheDir: folder.path('engines'), batchSizes: [2, 8] };
const devices = ['cuda:0', 'cuda:1', 'cuda:2'] as const;

beforeAll(() => writeRandomBundle(bundle, { size: 'tiny', seed: 11 }));

describe('a pool', () => {
	const built: string[] = [];
	const onProgress = ({ network, phase }: LoadProgress) => {
		if (phase === 'building' && built.at(-1) !== network) built.push(network);
	};
	let pool: Arc2FacePool;
	beforeAll(async () => {
		pool = await withStandIn(() => Arc2FacePool.load({ ...options, devices, onProgress }));
	}, 60_000);
	afterAll(() => pool.dispose());

	test('has a model on each device, of engines that were built once', async () => {
		expect(pool.models.map(({ info }) => info.device)).toEqual(devices);
		expect(pool.info).toBe(pool.models[0]!.info);
		expect(pool.leftOut).toEqual([]);
		expect(built).toEqual(['detector', 'recognizer', 'textEncoder', 'unet', 'vaeDecoder']);
	});

	test('shares calls out at once, and paints the same whoever does it', async () => {
		const before = pool.models.map(({ usage }) => usage.steps);
		const calls = [1, 2, 3, 4, 5, 6].map((seed) => pool.generate(identity, { seed, steps: 3, count: 2 }));
		const together = await Promise.all(calls);
		expect(pool.models.map(({ usage }, i) => usage.steps - before[i]!)).toEqual([12, 12, 12]);
		expect(pool.usage.images).toBe(0);
		for (const [i, images] of together.entries()) {
			const alone = await pool.models[0]!.generate(identity, { seed: i + 1, steps: 3, count: 2 });
			expect(differenceOf(images, alone, false), `call ${i}`).toBe(0);
		}
	});

	test('gives images as they finish, of the seeds that the call drew', async () => {
		const [painted] = await pool.generate(otherIdentity, { steps: 2 });
		const again = [];
		for await (const image of pool.generateEach(otherIdentity, { steps: 2, seed: painted.seed })) again.push(image);
		expect(differenceOf(again, [painted], false)).toBe(0);
		expect((await painted.recipe()).options.seed).toBe(painted.seed);
	});

	test('refuses at once what a model refuses', () => {
		expect(() => pool.generateEach(identity, { steps: 0 })).toThrow(/steps/);
	});

	test('counts what its models do together', () => {
		const sum = (value: (usage: Usage) => number) => pool.models.reduce((total, { usage }) => total + value(usage), 0);
		expect(pool.usage).toMatchObject({
			evaluations: sum(({ evaluations }) => evaluations),
			rows: sum(({ rows }) => rows),
			steps: sum(({ steps }) => steps),
			batch: 12,
		});
		expect(pool.usage.rows).toBeGreaterThan(0);
	});

	test('disposes all its models, and tells pending calls', async () => {
		const own = await withStandIn(() => Arc2FacePool.load({ ...options, devices }));
		const pending = [1, 2, 3].map((seed) => own.generate(identity, { seed, steps: 1000 }));
		const settled = Promise.allSettled(pending);
		await own.dispose();
		for (const outcome of await settled) expect(outcome).toMatchObject({ reason: { code: 'DISPOSED' } });
		for (const model of own.models) expect(() => model.generateEach(identity)).toThrow(/disposed/);
	});

	test('that fails on one device leaves none loaded', async () => {
		const load = withStandIn(() => Arc2FacePool.load({ ...options, devices: ['cuda:0', 'cpu'], precision: 'fp16' }));
		await expect(load).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', details: { option: 'precision' } });
	});
});

test('work of a GPU that fails goes to the next; with the last the pool is lost', async () => {
	const loaded: NativeModel[] = [];
	const native = loadNative();
	const load = native.load as (request: NativeLoadRequest) => NativeCall<NativeModel>;
	const spy = vi.spyOn(native, 'load').mockImplementation(((request: NativeLoadRequest) => {
		const call = load(request);
		const promise = call.promise.then((model) => {
			loaded.push(model);
			return model;
		});
		return { promise, cancel: () => call.cancel() };
	}) as never);
	await using pool = await withStandIn(() => Arc2FacePool.load({ ...options, devices: ['cuda:0', 'cuda:1'] }));
	spy.mockRestore();
	const fail = (model: NativeModel, device: string) => {
		const error = Object.assign(new Error(`The GPU ${device} was lost.`), { code: 'DEVICE_LOST', details: { device } });
		Object.defineProperty(model, 'generate', { value: () => ({ promise: Promise.reject(error), cancel: () => {} }) });
	};
	const paint = () => pool.generate(identity, { seed: 1, steps: 2 });
	const whole = await paint();
	fail(loaded[0]!, 'cuda:0');
	expect(differenceOf(await paint(), whole, false)).toBe(0);
	expect([pool.models[0]!.isLost, pool.models[1]!.isLost, pool.isLost]).toEqual([true, false, false]);
	fail(loaded[1]!, 'cuda:1');
	await expect(paint()).rejects.toMatchObject({ code: 'DEVICE_LOST', details: { device: 'cuda:1' } });
	expect(pool.isLost).toBe(true);
});

test('all devices are the CPU where there is no GPU, which says why', async ({ skip }) => {
	skip(loadNative().findGpus().gpus.length > 0, 'this machine has a GPU');
	await using pool = await withEnvironment({ ARC2FACE_PROVIDER: undefined }, () =>
		Arc2FacePool.load({ bundle, cacheDir: folder.path('cpu') }),
	);
	expect(pool.models.map(({ info }) => info.device)).toEqual(['cpu']);
	expect(pool.info.reasons.join(' ')).toMatch(/(GPU|driver).*The CPU remains/);
});

test('a cancelled call of several is in no evaluation that begins later', async () => {
	await using model = await withStandIn(() => Arc2Face.load({ ...options, device: 'cuda:0' }));
	expect(model.usage).toMatchObject({ images: 0, batch: 4, evaluations: 0, rows: 0, places: 0, steps: 0 });
	const stop = new AbortController();
	let [then, later]: Usage[] = [];
	const cancelled = model.generate(identity, { count: 2, steps: 1000, seed: 1, signal: stop.signal });
	cancelled.catch(() => {});
	// Both share every evaluation: two images and one, of two rows each.
	const other = model.generate(otherIdentity, {
		...{ steps: 400, seed: 2 },
		onStep: ({ step }) => {
			if (step === 100) {
				stop.abort();
				then = model.usage;
			} else if (step === 400) later = model.usage;
		},
	});
	await expect(cancelled).rejects.toMatchObject({ name: 'AbortError' });
	await other;
	expect(then!.rows).toBeGreaterThan(2 * then!.evaluations);
	expect(later!.images).toBeLessThanOrEqual(1);
	const end = model.usage;
	expect(end.evaluations).toBeGreaterThan(then!.evaluations);
	// At most one, which was being made when it was cancelled, has its four rows, too.
	expect(end.rows - then!.rows - 2 * (end.evaluations - then!.evaluations)).toBeLessThanOrEqual(4);
	expect(end.places).toBe(8 * end.evaluations);
	expect(end.seconds.denoising).toBeGreaterThan(0);
	await model.dispose();
	expect(model.usage).toMatchObject({ images: 0, batch: 0, evaluations: end.evaluations });
});
