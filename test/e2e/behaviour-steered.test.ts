// How models behave that were loaded with every feature, whatever runs them; see behaviour.test.ts.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeRandomBundle } from '../../benchmarks/random-bundle/bundle.ts';
import { Arc2Face, featureNames, type GeneratedImage, type LoadOptions } from '../../lib/index.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { type Call, differenceOf, everything, identity, mixtures, photo } from '../mixtures.ts';
import { remembersInputs } from '../recipe-behaviour.ts';
import { faultyProvider, findRuntimes, openFaults, type Runtime, withEnvironment } from '../runtimes.ts';

const folder = temporaryFolder();
const bundle = folder.path('bundle');
const compiled = new URL('../../dist/lib/index.js', import.meta.url).href;
beforeAll(() => writeRandomBundle(bundle, { size: 'tiny', seed: 11, adapters: true, lcmLora: true }));

for (const runtime of await findRuntimes()) {
	if (runtime.reason !== undefined) console.log(`Leaving out ${runtime.name}: ${runtime.reason}`);
	// Minutes, because TensorRT builds engines, perhaps on two cores.
	describe.skipIf(runtime.reason !== undefined)(runtime.name, { timeout: 600_000 }, () => behaves(runtime));
}

function behaves(runtime: Runtime): void {
	const { name, device, provider, library, onHost, tolerance, onAverage } = runtime;
	const difference = (a: readonly GeneratedImage[], b: readonly GeneratedImage[]) =>
		differenceOf(a, b, onAverage ?? false);
	const isEngine = library !== undefined;
	const options: LoadOptions = {
		...{ bundle, device, loras: ['lcm'] },
		...Object.fromEntries(featureNames.map((feature) => [feature, true])),
		...(isEngine ? { cacheDir: folder.path(`engines of ${name}`), batchSizes: [1, 2, 4, 8] } : {}),
	};
	let restore: string | undefined;
	let model: Arc2Face;
	const loaded: string[] = [];
	beforeAll(async () => {
		restore = process.env.ARC2FACE_PROVIDER;
		if (library !== undefined) process.env.ARC2FACE_PROVIDER = library;
		const onProgress = ({ phase, network }: { phase: string; network: string }) =>
			phase === 'loading' && loaded.push(network);
		model = await Arc2Face.load({ ...options, onProgress });
	}, 600_000);
	afterAll(async () => {
		await model.dispose();
		delete process.env.ARC2FACE_PROVIDER;
		if (restore !== undefined) process.env.ARC2FACE_PROVIDER = restore;
	});
	const paint = ([who, how]: Call, on = model) => on.generate(who, how);

	test('says what it can, and loads what that needs, the UNet last', () => {
		expect(model.info).toMatchObject({ features: featureNames, expressions: ['smile', 'frown'] });
		expect(loaded).toContain('controlNet');
		expect(loaded).toContain('vaeEncoder');
		expect(loaded.at(-1)).toBe('unet');
	});

	test('ten calls at once, each with another mixture, paint what each paints alone', async () => {
		const alone: GeneratedImage[][] = [];
		for (const call of mixtures) alone.push(await paint(call));
		const together = await Promise.all(mixtures.map((call) => paint(call)));
		for (const [i, images] of together.entries()) {
			expect(difference(images, alone[i]!), `call ${i}`).toBeLessThanOrEqual(tolerance);
		}
		// Whatever steers a call changes its images.
		for (const [
			i,
			[who, { image, mask, strength, overlay, control, expression, expressionScale, reference, ...how }],
		] of mixtures.entries()) {
			const plain = await paint([who, how]);
			if (i > 0) expect(difference(alone[i]!, plain), `call ${i}`).toBeGreaterThan(0);
		}
	});

	test('a batch equals its images alone', async () => {
		const together = await model.generate(identity, { ...everything, seed: 20, count: 5, steps: 3 });
		for (const [i, image] of together.entries()) {
			const alone = await model.generate(identity, { ...everything, seed: 20 + i, steps: 3 });
			expect(difference([image], alone), `image ${i}`).toBeLessThanOrEqual(tolerance);
		}
	});

	test.skipIf(provider === 'stand-in')('calls that nothing steers paint as a model without features does', async () => {
		await using plain = await Arc2Face.load({
			...{ bundle, device, loras: ['lcm'] },
			...(isEngine ? { cacheDir: options.cacheDir, batchSizes: options.batchSizes } : {}),
		});
		const call: Call = [identity, { seed: 5, steps: 4, count: 2 }];
		expect(difference(await paint(call), await paint(call, plain))).toBeLessThanOrEqual(Math.max(tolerance, 1));
	});

	test('an abort, whatever steers, rejects with its reason, and others go on', async () => {
		const expected = await paint(mixtures[8]!);
		for (const step of [1, 2, 7]) {
			const abort = new AbortController();
			const painting = model.generate(identity, {
				...{ ...everything, sampler: 'euler', seed: 1, steps: 1000, count: 2, signal: abort.signal },
				onStep: (progress) => progress.step === step && abort.abort('enough'),
			});
			const other = paint(mixtures[8]!);
			await expect(painting).rejects.toBe('enough');
			expect(difference(await other, expected)).toBeLessThanOrEqual(tolerance);
		}
		const abort = new AbortController();
		const early = model.generate(identity, { ...everything, signal: abort.signal });
		abort.abort('at once');
		await expect(early).rejects.toBe('at once');
	});

	test('dispose rejects what is pending, at any moment', async () => {
		for (const wait of [0, 1, 20, 60]) {
			const own = await Arc2Face.load(options);
			const pending = [1, 2, 3].map((seed) =>
				own.generate(identity, { ...everything, sampler: 'euler', seed, steps: 500 }),
			);
			const outcomes = Promise.allSettled(pending);
			await new Promise((resolve) => setTimeout(resolve, wait));
			await own.dispose();
			for (const outcome of await outcomes) {
				expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'Arc2FaceError', code: 'DISPOSED' } });
			}
		}
	});

	test('an abort while the model loads gives everything back', async () => {
		for (const at of [1, 4, 7]) {
			const abort = new AbortController();
			let reports = 0;
			const onProgress = () => {
				reports += 1;
				if (reports === at) abort.abort('enough');
			};
			await expect(Arc2Face.load({ ...options, onProgress, signal: abort.signal }), `report ${at}`).rejects.toBe(
				'enough',
			);
		}
		expect(difference(await paint(mixtures[1]!), await paint(mixtures[1]!))).toBe(0);
	});

	test('memory that runs out: OUT_OF_MEMORY, and the model goes on', async ({ skip }) => {
		skip(!onHost, 'a GPU has more memory than any call may ask for; test/README.md says which tests are about it');
		const program = 'prlimit';
		skip(spawnSync(program, ['--version']).error !== undefined, `there is no ${program} here`);
		// The process has so little memory left that 1000 portraits of this size do not fit.
		const large = { width: 512, height: 512 };
		const source = `
			import assert from 'node:assert';
			import { spawnSync } from 'node:child_process';
			import { readFileSync } from 'node:fs';
			const { Arc2Face } = await import(process.argv[1]);
			const model = await Arc2Face.load(JSON.parse(process.argv[2]));
			const identity = new Float32Array(512).fill(1);
			const photo = { data: new Uint8Array(3 * 96 * 96).fill(99), width: 96, height: 96, channels: 3 };
			const everything = {
				...{ image: photo, mask: photo, overlay: true, control: { pose: { yaw: 20 } }, expression: 'smile' },
				...{ reference: { photo, align: false }, width: 128, height: 128 },
			};
			const how = { ...everything, seed: 3, steps: 2 };
			const [before] = await model.generate(identity, how);

			const used = 1024 * /^VmSize:\\s+(\\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))[1];
			const limits = ['--pid', process.pid, '--as=' + (used + 2 ** 25) + ':'].map(String);
			assert.equal(spawnSync('${program}', limits).status, 0);
			const call = model.generate(identity, { ...how, count: 1000, ...${JSON.stringify(large)} });
			await assert.rejects(call, { code: 'OUT_OF_MEMORY' });
			const [after] = await model.generate(identity, how);
			assert.deepEqual(after.data, before.data);
		`;
		const sizes = isEngine
			? { imageSizes: [{ width: 128, height: 128 }, large], cacheDir: folder.path(`two sizes of ${name}`) }
			: {};
		const argv = ['--input-type=module', '--eval', source, compiled, JSON.stringify({ ...options, ...sizes })];
		const [code] = await once(spawn(process.execPath, argv, { stdio: 'inherit' }), 'exit');
		expect(code).toBe(0);
	});

	describe('recipes', () => remembersInputs({ runtime, options, model: () => model, difference }));

	// Through the C ABI, where all providers are alike; a real one would be slow to fail so often.
	describe.skipIf(provider !== 'stand-in')('engines whose calls are counted', () => {
		const failed = 7; // ARC2FACE_FAILED of native/provider/tensorrt/abi.h
		const outOfMemory = 6; // ARC2FACE_OUT_OF_MEMORY
		const environment = { ARC2FACE_PROVIDER: faultyProvider, ARC2FACE_FAULTY_PROVIDER: library };

		test('a failure of a call while loading: the error says so, and nothing stays open', () =>
			withEnvironment(environment, async () => {
				const faults = openFaults();
				const small = { ...options, batchSizes: [2] };
				faults.restart(-1, 0);
				await (await Arc2Face.load(small)).dispose();
				const { calls } = faults.state();
				let failures = 0;
				// Every call fails once in behaviour.test.ts; these are some of those that the features add, too.
				for (let at = 0; at < calls; at += 7) {
					faults.restart(at, failed);
					await Arc2Face.load(small).then(
						(own) => own.dispose(),
						(error: unknown) => {
							expect(error, `call ${at}`).toMatchObject({ code: 'ENGINE_FAILED' });
							failures += 1;
						},
					);
					expect(faults.state(), `call ${at}`).toMatchObject({ engines: 0, contexts: 0 });
				}
				faults.restart(-1, 0);
				expect(failures).toBeGreaterThan(10);
			}));

		test.each([
			[failed, 'ENGINE_FAILED'],
			[outOfMemory, 'OUT_OF_MEMORY'],
		])('a failure with status %i of any call while painting: %s, and the model goes on', (status, code) =>
			withEnvironment(environment, async () => {
				const faults = openFaults();
				await using own = await Arc2Face.load({ ...options, batchSizes: [2] });
				// Without alignment, which takes longer than all of the rest.
				const call: Call = [identity, { ...everything, reference: { photo, align: false }, seed: 40, steps: 2 }];
				const expected = await paint(call, own);
				let failures = 0;
				for (let at = 0; ; at++) {
					faults.restart(at, status);
					const outcome = await paint(call, own).then(
						(images) => ({ images }),
						(error: unknown) => ({ error }),
					);
					const wasReached = faults.state().calls > at;
					faults.restart(-1, 0);
					if ('error' in outcome) {
						failures += 1;
						expect(outcome.error, `call ${at}`).toMatchObject({ code });
					} else {
						// What failed was only a capture, perhaps.
						expect(difference(outcome.images, expected), `call ${at}`).toBe(0);
					}
					expect(difference(await paint(call, own), expected), `after call ${at}`).toBe(0);
					if (!wasReached) break;
				}
				// Encoding the photo, writing it, then twice ControlNet and UNet, and decoding.
				expect(failures).toBeGreaterThanOrEqual(7);
			}),
		);
	});
}
