// How models behave, whatever runs them: written once, run for ONNX Runtime, for the stand-in's engines on the host and on a GPU,
// and for TensorRT's and TensorRT-RTX's where available.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeRandomBundle } from '../../benchmarks/random-bundle/bundle.ts';
import { EngineCache } from '../../lib/engines/cache.ts';
import { Arc2Face, type GeneratedImage, type GenerateOptions, type LoadOptions } from '../../lib/index.ts';
import type { LoadProgress } from '../../lib/options/load.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { writeFusedBundle } from '../fused-bundle.ts';
import { paints } from '../generate-behaviour.ts';
import { tensorsOf, writeWeights } from '../layouts.ts';
import { identity, keypoints, mask, otherIdentity, photo } from '../mixtures.ts';
import { faultyProvider, findRuntimes, openFaults, type Runtime, withEnvironment } from '../runtimes.ts';

const folder = temporaryFolder();
const bundle = folder.path('bundle');
const library = new URL('../../dist/lib/index.js', import.meta.url).href;
type Call = readonly [Float32Array, GenerateOptions];
/** Together they need more rows than a batch has, and leave it one after another. */
const differentCalls: readonly Call[] = [
	[identity, { seed: 1, steps: 5 }],
	[otherIdentity, { seed: 2, steps: 3, guidanceScale: 1 }],
	[identity, { seed: 3, steps: 7, sampler: 'euler-a', guidanceScale: 5 }],
	[otherIdentity, { seed: 4, steps: 4, sampler: 'pndm', count: 2 }],
	[identity, { seed: 5, steps: 6, sampler: 'dpm++2m-sde', noise: 'batch', count: 3 }],
	[otherIdentity, { seed: 6, steps: 2, sampler: 'heun' }],
	[identity, { seed: 7, steps: 5, sampler: 'unipc' }],
	[otherIdentity, { seed: 8, steps: 4, sampler: 'lcm', guidanceScale: 1 }],
	[identity, { seed: 9, steps: 5, image: photo, width: 128, height: 128 }],
	[otherIdentity, { seed: 10, steps: 6, image: photo, mask, strength: 0.7, sampler: 'euler-a', count: 2 }],
];
/** What the model has with the features that it is loaded with. */
const networks = ['detector', 'recognizer', 'textEncoder', 'unet', 'vaeDecoder', 'vaeEncoder'];

type Images = readonly GeneratedImage[];

/** The difference of two lists of images, in levels: the largest, or of the image that differs most the average; NaN for other shapes. */
function differenceOf(a: Images, b: Images, onAverage: boolean): number {
	if (a.length !== b.length) return Number.NaN;
	let worst = 0;
	a.forEach(({ data }, i) => {
		if (data.length !== b[i]!.data.length) worst = Number.NaN;
		let [largest, sum] = [0, 0];
		data.forEach((level, at) => {
			const off = Math.abs(level - b[i]!.data[at]!);
			largest = Math.max(largest, off);
			sum += off;
		});
		worst = Math.max(worst, onAverage ? sum / data.length : largest);
	});
	return worst;
}

/** Runs an ES module in a process of its own; returns its exit code. */
async function runModule(source: string, options: LoadOptions): Promise<number | null> {
	const argv = ['--input-type=module', '--eval', source, library, JSON.stringify(options)];
	const [code] = await once(spawn(process.execPath, argv, { stdio: 'inherit' }), 'exit');
	return code;
}

/** The bundle's LoRA at its own scale, and again at a negative one. */
const lcm = `${bundle}/lcm-lora/pytorch_lora_weights.safetensors`;
const loras = ['lcm', { path: lcm, scale: -0.375 }] as const;
const fusedBundle = folder.path('fused bundle');

beforeAll(async () => {
	await writeRandomBundle(bundle, { size: 'tiny', seed: 11, lcmLora: true });
	await writeFusedBundle(bundle, fusedBundle, [
		{ file: lcm, scale: 1 },
		{ file: lcm, scale: -0.375 },
	]);
});

for (const runtime of await findRuntimes()) {
	if (runtime.reason !== undefined) console.log(`Leaving out ${runtime.name}: ${runtime.reason}`);
	// Minutes, because TensorRT builds engines, perhaps on two cores.
	describe.skipIf(runtime.reason !== undefined)(runtime.name, { timeout: 600_000 }, () => behaves(runtime));
}

function behaves(runtime: Runtime): void {
	const { name, device, provider, library: providerLibrary, onHost, tolerance, onAverage } = runtime;
	const difference = (a: Images, b: Images) => differenceOf(a, b, onAverage ?? false);
	const cacheFor = (what: string) => folder.path(`${what} of ${name}`);
	const isEngine = providerLibrary !== undefined;
	const options: LoadOptions = {
		...{ bundle, device, edit: true, cacheDir: cacheFor('engines') },
		...(isEngine ? { batchSizes: [1, 2, 4, 8] } : {}),
	};
	let restore: string | undefined;
	let model: Arc2Face;
	beforeAll(async () => {
		restore = process.env.ARC2FACE_PROVIDER;
		if (providerLibrary !== undefined) process.env.ARC2FACE_PROVIDER = providerLibrary;
		model = await Arc2Face.load(options);
	}, 600_000);
	afterAll(async () => {
		await model.dispose();
		delete process.env.ARC2FACE_PROVIDER;
		if (restore !== undefined) process.env.ARC2FACE_PROVIDER = restore;
	});

	const paint = ([who, how]: Call, on = model) => on.generate(who, how);
	/** Starts a portrait of many steps; resolves, to its promise, at the second step. */
	const startLong = async (how: GenerateOptions = {}) => {
		let painting: Promise<unknown> = Promise.resolve();
		await new Promise<void>((started, failed) => {
			painting = model.generate(identity, {
				steps: 1000,
				seed: 1,
				...how,
				onStep: ({ step }) => step === 2 && started(),
			});
			painting.catch(failed);
		});
		return { painting };
	};

	test('says what it is', () => {
		expect(model.info).toMatchObject({ device, provider, precision: isEngine ? 'fp16' : 'fp32', canEncode: true });
		expect(model.info.features).toEqual(['edit']);
	});

	describe('results', () => {
		test('one seed gives one portrait, another seed or identity another', async () => {
			const how = { seed: 5, steps: 3 };
			const [first] = await model.generate(identity, how);
			expect(difference([first!], await model.generate(identity, how))).toBe(0);
			expect(difference([first!], await model.generate(identity, { ...how, seed: 6 }))).toBeGreaterThan(0);
			expect(difference([first!], await model.generate(otherIdentity, how))).toBeGreaterThan(0);
		});

		test('a batch equals its images alone', async () => {
			const together = await model.generate(identity, { seed: 20, count: 5, steps: 4 });
			for (const [i, image] of together.entries()) {
				const alone = await model.generate(identity, { seed: 20 + i, steps: 4 });
				expect(difference([image], alone), `image ${i}`).toBeLessThanOrEqual(tolerance);
			}
		});

		test(`${differentCalls.length} calls at once paint what each paints alone`, async () => {
			const alone: GeneratedImage[][] = [];
			for (const call of differentCalls) alone.push(await paint(call));
			const together = await Promise.all(differentCalls.map((call) => paint(call)));
			for (const [i, images] of together.entries()) {
				expect(images.map(({ seed }) => seed)).toEqual(alone[i]!.map(({ seed }) => seed));
				expect(difference(images, alone[i]!), `call ${i}`).toBeLessThanOrEqual(tolerance);
			}
		});

		test('a call that joins another and leaves before it changes neither', async () => {
			// Long enough to be joined also where this thread hears of its steps late.
			const long: Call = [identity, { seed: 30, steps: 300 }];
			const short: Call = [otherIdentity, { seed: 31, steps: 3, count: 2 }];
			const alone = [await paint(long), await paint(short)];
			const order: string[] = [];
			let joined: Promise<GeneratedImage[]> | undefined;
			const painting = model.generate(long[0], {
				...long[1],
				onStep: ({ step }) => {
					if (step === 4) joined = paint(short).finally(() => order.push('short'));
				},
			});
			const images = await painting.finally(() => order.push('long'));
			expect(order).toEqual(['short', 'long']);
			expect(difference(images, alone[0]!)).toBeLessThanOrEqual(tolerance);
			expect(difference(await joined!, alone[1]!)).toBeLessThanOrEqual(tolerance);
		});

		test('a photo gives one identity, also while portraits are painted', async () => {
			const alone = await model.encode(photo, { face: keypoints });
			expect(Math.hypot(...alone.embedding)).toBeCloseTo(1, 5);
			const painting = paint(differentCalls[2]!);
			const beside = await model.encode(photo, { face: keypoints });
			await painting;
			expect([...beside.embedding]).toEqual([...alone.embedding]);
		});

		test('a photo gives one list of faces', async () => {
			const faces = await model.detect(photo, { threshold: 0.3 });
			expect(await model.detect(photo, { threshold: 0.3 })).toEqual(faces);
			for (const { score } of faces) expect(score).toBeGreaterThanOrEqual(0.3);
		});

		test.skipIf(!isEngine)(
			'sizes that no engine was built for are refused, and those that are there are named',
			async () => {
				await expect(model.generate(identity, { width: 96, height: 64 })).rejects.toMatchObject({
					code: 'INVALID_ARGUMENT',
					message: expect.stringContaining('128'),
				});
				await expect(model.detect(photo, { detectionSize: 320 })).rejects.toMatchObject({
					code: 'INVALID_ARGUMENT',
					message: expect.stringContaining('640'),
				});
			},
		);
	});

	describe('LoRAs', () => {
		test('are added to the UNet: portraits are those of a bundle whose file has the sums', async () => {
			const how = { seed: 5, steps: 3, count: 2 };
			await using adapted = await Arc2Face.load({ ...options, loras });
			await using fused = await Arc2Face.load({ ...options, bundle: fusedBundle });
			expect(adapted.info.loras).toEqual([
				{ name: 'lcm', file: lcm, scale: 1 },
				{ file: lcm, scale: -0.375 },
			]);
			const images = await adapted.generate(identity, { ...how, sampler: 'dpm++2m', guidanceScale: 3 });
			// The same weights in the same graph; a real builder may choose other kernels.
			const builds = onAverage ? tolerance : 0;
			expect(difference(images, await fused.generate(identity, how))).toBeLessThanOrEqual(builds);
			expect(difference(images, await model.generate(identity, how))).toBeGreaterThan(builds);
		});

		test('with lcm have defaults of their own, which a call may change', async () => {
			await using adapted = await Arc2Face.load({ ...options, loras: ['lcm'] });
			expect(adapted.info.defaults).toEqual({ sampler: 'lcm', steps: 4, guidanceScale: 1 });
			expect(adapted.info.defaults).toEqual(adapted.info.presets.standard);
			const steps: number[] = [];
			const usual = await adapted.generate(identity, { seed: 5, onStep: ({ step }) => steps.push(step) });
			expect(steps).toEqual([1, 2, 3, 4]);
			const said = { sampler: 'lcm', steps: 4, guidanceScale: 1 } as const;
			expect(difference(usual, await adapted.generate(identity, { seed: 5, ...said }))).toBe(0);
			for (const change of [{ sampler: 'ddim' }, { steps: 3 }, { guidanceScale: 2 }] as const) {
				const other = await adapted.generate(identity, { seed: 5, ...change });
				expect(difference(usual, other), JSON.stringify(change)).toBeGreaterThan(0);
			}
		});

		test('with numbers that are not finite, or that get too large, are refused by name', async () => {
			const tensors = await tensorsOf(lcm);
			const broken = folder.path(`broken for ${name}.safetensors`);
			const at = tensors.findIndex(({ name }) => name.endsWith('conv1.lora_up.weight'));
			const bytes = Buffer.concat([...tensors[at]!.chunks()]);
			bytes.writeUInt16LE(0x7e00, bytes.length - 2); // NaN in float16
			await writeWeights(broken, tensors.with(at, { ...tensors[at]!, chunks: () => [bytes] }));
			await expect(Arc2Face.load({ ...options, loras: [broken] })).rejects.toMatchObject({
				code: 'INVALID_WEIGHTS',
				message: expect.stringMatching(/finite numbers/),
				details: { file: broken, tensor: tensors[at]!.name, network: 'unet' },
			});
			// What float16 holds ends at 65504.
			const [scale, fault] = isEngine ? [1e6, 'the scales of the adapters are too large'] : [1e300, 'Lower the scale'];
			await expect(Arc2Face.load({ ...options, loras: [{ name: 'lcm', scale }] })).rejects.toMatchObject({
				code: 'INVALID_WEIGHTS',
				message: expect.stringContaining(fault),
				details: { tensor: expect.stringMatching(/\.weight/), network: 'unet' },
			});
		});
	});

	paints({ runtime, options, model: () => model, difference });

	describe('progress', () => {
		test('steps are reported in order, to the last', async () => {
			const steps: number[] = [];
			await model.generate(identity, { steps: 6, count: 3, onStep: ({ step, steps: of }) => steps.push(step / of) });
			expect(steps).toEqual([1, 2, 3, 4, 5, 6].map((step) => step / 6));
		});

		test('every network is reported while the model loads', async () => {
			const reports: LoadProgress[] = [];
			await using loaded = await Arc2Face.load({ ...options, onProgress: (report) => reports.push(report) });
			// The engines, then what each computes in.
			const memory = reports.flatMap((report) => report.memory ?? []);
			expect(memory).toHaveLength(onHost ? 0 : 1 + networks.length);
			expect(loaded.info.memoryBytes).toBe(onHost ? undefined : memory.reduce((sum, { bytes }) => sum + bytes, 0));
			for (const { bytes, freeBytes } of memory) {
				expect(bytes > 0 && bytes < freeBytes, `${bytes} of ${freeBytes}`).toBe(true);
			}
			const loading = reports.filter(({ phase }) => phase === 'loading');
			expect(loading.map(({ done }) => done)).toEqual(networks.map((_, i) => i + 1));
			expect(loading.map(({ network }) => network).sort()).toEqual(networks);
			for (const { fraction, total } of reports) {
				expect(fraction >= 0 && fraction <= 1, `${fraction}`).toBe(true);
				expect(total).toBe(networks.length);
			}
			expect(
				reports.some(({ phase }) => phase === 'building'),
				'the engines were in the cache',
			).toBe(false);
		});

		test('what onStep throws stops the call', async () => {
			const fault = new Error('no room on the screen');
			const call = model.generate(identity, {
				steps: 50,
				onStep: () => {
					throw fault;
				},
			});
			await expect(call).rejects.toBe(fault);
		});
	});

	describe('an abort', () => {
		test('rejects with the reason within a step, and the model goes on', async () => {
			const reason = new Error('changed my mind');
			const abort = new AbortController();
			const { painting } = await startLong({ signal: abort.signal, count: 2 });
			const other = model.generate(otherIdentity, { steps: 3, seed: 9 });
			abort.abort(reason);
			await expect(painting).rejects.toBe(reason);
			expect((await other).length).toBe(1);
			const [alone] = await model.generate(otherIdentity, { steps: 3, seed: 9 });
			expect(difference(await other, [alone!])).toBeLessThanOrEqual(tolerance);
		});

		test('ends the work: what comes next does not wait for the steps that are left', async () => {
			const times: number[] = [];
			const abort = new AbortController();
			const call = model.generate(identity, {
				...{ steps: 1000, signal: abort.signal },
				onStep: ({ step }) => {
					times.push(performance.now());
					if (step === 12) abort.abort();
				},
			});
			await expect(call).rejects.toMatchObject({ name: 'AbortError' });
			const aborted = performance.now();
			await model.generate(identity, { steps: 1 });
			const perStep = (times[11]! - times[1]!) / 10;
			// 988 steps were left. A tenth of their time is far more than a one-step portrait takes on any machine.
			expect(performance.now() - aborted).toBeLessThan(Math.max(100 * perStep, 1000));
		});

		test('before the start rejects with AbortError', async () => {
			await expect(model.generate(identity, { signal: AbortSignal.abort() })).rejects.toMatchObject({
				name: 'AbortError',
			});
			await expect(Arc2Face.load({ ...options, signal: AbortSignal.abort() })).rejects.toMatchObject({
				name: 'AbortError',
			});
		});

		test('while the model loads gives everything back', async () => {
			for (const at of [1, 3, 5]) {
				const abort = new AbortController();
				let reports = 0;
				const loading = Arc2Face.load({
					...{ ...options, signal: abort.signal },
					onProgress: () => {
						reports += 1;
						if (reports === at) abort.abort();
					},
				});
				await expect(loading, `report ${at}`).rejects.toMatchObject({ name: 'AbortError' });
			}
			expect((await model.generate(identity, { steps: 1 })).length).toBe(1);
		});
	});

	describe('dispose', () => {
		test('rejects what is pending with DISPOSED, and what comes after', async () => {
			const own = await Arc2Face.load(options);
			const pending = [1, 2, 3].map((seed) => own.generate(identity, { seed, steps: 500 }));
			const outcomes = Promise.allSettled([...pending, own.encode(photo, { face: keypoints })]);
			await Promise.all([own.dispose(), own.dispose()]);
			for (const outcome of await outcomes) {
				expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'Arc2FaceError', code: 'DISPOSED' } });
			}
			await expect(own.generate(identity)).rejects.toMatchObject({ code: 'DISPOSED' });
		});

		test('leaves other models alone, and the images', async () => {
			const [own, third] = [await Arc2Face.load(options), await Arc2Face.load(options)];
			const call: Call = [identity, { seed: 3, steps: 8, count: 2 }];
			const expected = await paint(call);
			const before = expected.map(({ data }) => Buffer.from(data));
			const [ours, theirs] = [paint(call, own), paint(call, third)];
			const doomed = model.generate(otherIdentity, { steps: 2 });
			expect(difference(await theirs, expected)).toBeLessThanOrEqual(tolerance);
			await third.dispose();
			const images = await ours;
			await own.dispose();
			await doomed;
			expect(difference(images, expected)).toBeLessThanOrEqual(tolerance);
			expect(expected.map(({ data }, i) => Buffer.compare(before[i]!, data))).toEqual([0, 0]);
		});

		test('images outlive the model that painted them', async () => {
			expect(globalThis.gc, 'the tests run with --expose-gc').toBeTypeOf('function');
			let own: Arc2Face | undefined = await Arc2Face.load(options);
			const [image] = await own.generate(identity, { seed: 3, steps: 2 });
			const before = Buffer.from(image!.data);
			await own.dispose();
			own = undefined;
			for (let i = 0; i < 5; i++) {
				globalThis.gc!();
				await new Promise(setImmediate);
			}
			expect(Buffer.compare(before, image!.data)).toBe(0);
			image!.data.fill(7); // the memory is still writable, and only this image's
			expect(image!.data.every((level) => level === 7)).toBe(true);
		});

		test('a model that was dropped without it is collected with its memory', async () => {
			const loadAndDrop = async () => new WeakRef(await Arc2Face.load(options));
			const dropped = await loadAndDrop();
			// Asking a WeakRef keeps its target until the next turn of the event loop, so it is asked once, at the end.
			for (let i = 0; i < 10; i++) {
				await new Promise((resolve) => setTimeout(resolve, 10));
				globalThis.gc!();
			}
			expect(dropped.deref()).toBeUndefined();
		});
	});

	test('a process that ends at work ends with its own exit code', async () => {
		const source = `
			const { Arc2Face } = await import(process.argv[1]);
			const model = await Arc2Face.load(JSON.parse(process.argv[2]));
			await model.generate(new Float32Array(512).fill(1), { steps: 1000, onStep: ({ step }) => step === 2 && process.exit(7) });
		`;
		expect(await runModule(source, options)).toBe(7);
	});

	test('worker threads have models of their own, also when they are terminated at work', async () => {
		const source = `
			import { parentPort, workerData } from 'node:worker_threads';
			const { Arc2Face } = await import(workerData.library);
			const model = await Arc2Face.load(workerData.options);
			const identity = Float32Array.from({ length: 512 }, (_, i) => Math.sin(i));
			const [image] = await model.generate(identity, { seed: 3, steps: 2 });
			const copy = Uint8Array.from(image.data);
			await model.generate(identity, { steps: 1000, onStep: ({ step }) => step === 1 && parentPort.postMessage(copy) });
		`;
		const start = () =>
			new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), { workerData: { library, options } });
		const workers = [start(), start()];
		const images = await Promise.all(
			workers.map(
				(worker) =>
					new Promise<Uint8Array>((resolve, reject) => {
						worker.once('message', resolve);
						worker.once('error', reject);
					}),
			),
		);
		await Promise.all(workers.map((worker) => worker.terminate()));
		const [expected] = await model.generate(identity, { seed: 3, steps: 2 });
		for (const image of images) expect(Buffer.compare(image, expected!.data)).toBe(0);
	});

	test('memory that runs out: OUT_OF_MEMORY, and the model goes on', async ({ skip }) => {
		skip(!onHost, 'a GPU has more memory than any call may ask for; test/README.md says which tests are about it');
		const program = 'prlimit';
		skip(spawnSync(program, ['--version']).error !== undefined, `there is no ${program} here`);
		// The process has so little memory left that 1000 portraits of this size do not fit, and on a CPU not even one.
		const large = { width: 512, height: 512 };
		const source = `
			import assert from 'node:assert';
			import { spawnSync } from 'node:child_process';
			import { readFileSync } from 'node:fs';
			const { Arc2Face } = await import(process.argv[1]);
			const model = await Arc2Face.load(JSON.parse(process.argv[2]));
			const identity = new Float32Array(512).fill(1);
			const how = { seed: 3, steps: 2 };
			const [before] = await model.generate(identity, how);

			const used = 1024 * /^VmSize:\\s+(\\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))[1];
			const limits = ['--pid', process.pid, '--as=' + (used + 2 ** 24) + ':'].map(String);
			assert.equal(spawnSync('${program}', limits).status, 0);
			for (const count of ${JSON.stringify(isEngine ? [1000] : [1000, 1])}) {
				const call = model.generate(identity, { ...how, count, ...${JSON.stringify(large)} });
				await assert.rejects(call, { code: 'OUT_OF_MEMORY' });
				const [after] = await model.generate(identity, how);
				assert.deepEqual(after.data, before.data);
			}
		`;
		const sizes = isEngine ? { imageSizes: [{ width: 128, height: 128 }, large], cacheDir: cacheFor('two sizes') } : {};
		expect(await runModule(source, { ...options, ...sizes, batchSizes: [2] })).toBe(0);
	});

	// Through the C ABI, where all providers are alike; a real one would be slow to load so often.
	describe.skipIf(provider !== 'stand-in')('engines whose calls are counted', () => {
		const failed = 7; // ARC2FACE_FAILED of native/provider/tensorrt/abi.h
		const outOfMemory = 6; // ARC2FACE_OUT_OF_MEMORY
		const environment = { ARC2FACE_PROVIDER: faultyProvider, ARC2FACE_FAULTY_PROVIDER: providerLibrary };
		// One portrait at a time.
		const small: LoadOptions = { ...options, cacheDir: cacheFor('faulty engines'), batchSizes: [2] };
		const how = { seed: 40, steps: 3 };
		const inpaint = { ...how, image: photo, mask };
		const bytesOf = (images: Images) => images.map(({ data }) => Buffer.from(data).toString('base64'));
		const useAll = async (own: Arc2Face) => ({
			faces: await own.detect(photo, { threshold: 0.3 }),
			embedding: [...(await own.encode(photo, { face: keypoints })).embedding],
			portrait: bytesOf(await own.generate(identity, how)),
			inpainted: bytesOf(await own.generate(identity, inpaint)),
		});

		test('an abort leaves at most the rest of the step that is in progress', ({ skip }) => {
			skip(!onHost, 'a step on a GPU is a graph that is replayed, which calls nothing');
			return withEnvironment(environment, async () => {
				const faults = openFaults();
				await using own = await Arc2Face.load(small);
				const callsOf = async (steps: number) => {
					faults.restart(-1, 0);
					await own.generate(otherIdentity, { ...how, steps });
					return faults.state().calls;
				};
				await callsOf(1); // only the first call needs what all share
				const next = await callsOf(20);
				const perStep = (await callsOf(21)) - next;
				expect(perStep).toBeGreaterThan(0);
				for (const last of [1, 2, 3, 5, 8, 13]) {
					const abort = new AbortController();
					const painting = own.generate(identity, {
						...{ seed: 41, steps: 1000, signal: abort.signal },
						onStep: ({ step }) => {
							if (step !== last) return;
							abort.abort();
							faults.restart(-1, 0);
						},
					});
					await expect(painting).rejects.toMatchObject({ name: 'AbortError' });
					// If it went on, it would alternate steps with the next portrait.
					await own.generate(otherIdentity, { ...how, steps: 20 });
					expect(faults.state().calls - next, `after step ${last}`).toBeLessThanOrEqual(perStep);
				}
			});
		});

		test('a failure of any call: the error says so, nothing stays open or hangs, and all can be tried again', () =>
			withEnvironment(environment, async () => {
				const faults = openFaults();
				const whole = await Arc2Face.load(small); // builds the engines
				const expected = await useAll(whole);
				await whole.dispose();
				let failures = 0;
				for (let at = 0; ; at++) {
					faults.restart(at, failed);
					let own: Arc2Face | undefined;
					try {
						own = await Arc2Face.load(small);
						expect(await useAll(own), `call ${at}`).toEqual(expected);
					} catch (error) {
						expect(error, `call ${at}`).toMatchObject({
							code: 'ENGINE_FAILED',
							message: expect.stringContaining('A fault on purpose.'),
						});
						failures += 1;
					}
					const wasReached = faults.state().calls > at;
					faults.restart(-1, 0);
					if (own !== undefined) {
						expect(await useAll(own), `after call ${at}`).toEqual(expected);
						await own.dispose();
					}
					expect(faults.state(), `call ${at}`).toMatchObject({ engines: 0, contexts: 0 });
					if (!wasReached) break;
				}
				expect(failures).toBeGreaterThan(50);
			}));

		test('a lack of memory: OUT_OF_MEMORY, and the model goes on', () =>
			withEnvironment(environment, async () => {
				const faults = openFaults();
				await using own = await Arc2Face.load(small);
				const expected = await useAll(own);
				const calls = {
					generate: () => own.generate(otherIdentity, how),
					inpaint: () => own.generate(otherIdentity, inpaint),
					encode: () => own.encode(photo, { face: keypoints }),
					detect: () => own.detect(photo),
				};
				for (const [name, call] of Object.entries(calls)) {
					for (const at of [0, 1, 2]) {
						faults.restart(at, outOfMemory);
						await expect(call(), `${name}, call ${at}`).rejects.toMatchObject({
							code: 'OUT_OF_MEMORY',
							message: expect.stringContaining('A fault on purpose.'),
						});
						expect(await useAll(own), `after ${name}, call ${at}`).toEqual(expected);
					}
				}
			}));

		test('a failure of a build: the error says so, and nothing in the cache is taken for an engine', () =>
			withEnvironment(environment, async () => {
				const faults = openFaults();
				// Each build opens the library and then builds; the test above covers what follows in the core.
				const last = 2 * networks.length - 1;
				for (let at = 0; at <= last; at++) {
					const fresh = { ...small, cacheDir: cacheFor(`engines ${at}`) };
					faults.restart(at, failed);
					await expect(Arc2Face.load(fresh), `call ${at}`).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
					faults.restart(-1, 0);
					const { engines, leftoverBytes } = await new EngineCache(fresh).list();
					expect([engines.length, leftoverBytes], `call ${at}`).toEqual([Math.floor(at / 2), 0]);
					if (at < last) continue;
					await using own = await Arc2Face.load(fresh);
					expect((await own.generate(identity, how)).length).toBe(1);
				}
			}));
	});
}
