// Calls that paint at once share the UNet's evaluations, whatever steers each of them: the evaluations are counted, on the CPU by a
// library around ONNX Runtime's, on the stand-in by a provider library around it.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { writeRandomBundle } from '../../benchmarks/random-bundle/bundle.ts';
import { findOnnxRuntime, libraryVariable } from '../../lib/device/onnxruntime-library.ts';
import { Arc2Face, featureNames, type GeneratedImage, type LoadOptions } from '../../lib/index.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { standIn } from '../engines.ts';
import { insideFile } from '../inside.ts';
import { type Call, differenceOf, identity, mixtures, photo } from '../mixtures.ts';
import { faultyProvider, openFaults, withEnvironment } from '../runtimes.ts';

const folder = temporaryFolder();
const bundle = folder.path('bundle');
const timedLibrary = join(dirname(insideFile), 'arc2face_timed_onnxruntime.so');

/** Long enough to meet, and without what takes longer before the first step than all steps. */
const calls: readonly Call[] = mixtures.map(([who, { reference, ...how }]) => [
	who,
	{ ...how, steps: 3 * how.steps!, ...(reference && { reference: { photo, align: false, scale: reference.scale } }) },
]);

/** How the UNet's evaluations during some work are counted. */
type Counting = {
	environment: Record<string, string>;
	count(model: Arc2Face, work: () => Promise<unknown>): Promise<number>;
};

/** Each run of any network is a line of a file, which names its session. */
function countingSessions(): Counting {
	const log = folder.path('runs.txt');
	const environment = {
		[libraryVariable]: timedLibrary,
		...{ ARC2FACE_TIMED_LIBRARY: findOnnxRuntime().library, ARC2FACE_TIMED_LOG: log },
	};
	let unet: string | undefined;
	const runsDuring = async (work: () => Promise<unknown>) => {
		const before = existsSync(log) ? (await readFile(log, 'utf8')).length : 0;
		await work();
		const sessions = (await readFile(log, 'utf8')).slice(before).trim().split('\n');
		return sessions.map((line) => line.split(' ')[0]!);
	};
	return {
		environment,
		count: async (model, work) => {
			// Of a portrait of many steps, the one that ran for each.
			const steps = 17;
			if (unet === undefined) {
				const runs = await runsDuring(() => model.generate(identity, { steps, sampler: 'euler', guidanceScale: 1 }));
				unet = runs.find((session) => runs.filter((other) => other === session).length === steps);
				expect(unet).toBeDefined();
			}
			return (await runsDuring(work)).filter((session) => session === unet).length;
		},
	};
}

/** See {@link openFaults}. */
function countingEngines(): Counting {
	return {
		environment: { ARC2FACE_PROVIDER: faultyProvider, ARC2FACE_FAULTY_PROVIDER: standIn.provider },
		count: async (_, work) => {
			openFaults().restart(-1, 0);
			await work();
			return openFaults().state().evaluations;
		},
	};
}

beforeAll(() => writeRandomBundle(bundle, { size: 'tiny', seed: 11, adapters: true, lcmLora: true }));

// ONNX Runtime's library is opened once in a process, and may be the other one only before that.
test.for<[string, () => Counting, LoadOptions, number]>([
	// It picks other blockings for other batch sizes, which round differently.
	['onnxruntime on cpu', countingSessions, { device: 'cpu' }, 1],
	['stand-in on the host', countingEngines, { device: 'cuda:0', batchSizes: [1, 2, 4, 8] }, 0],
])(
	'ten calls at once, each with another mixture, paint the same in fewer evaluations: %s',
	{
		timeout: 600_000,
	},
	async ([name, countingOf, options, tolerance], { skip }) => {
		skip(!existsSync(timedLibrary), `this build has no ${timedLibrary}`);
		const { environment, count } = countingOf();
		await withEnvironment(environment, async () => {
			await using model = await Arc2Face.load({
				...{ bundle, ...options, loras: ['lcm'], cacheDir: folder.path(`engines of ${name}`) },
				...Object.fromEntries(featureNames.map((feature) => [feature, true])),
			});
			const paint = ([who, how]: Call) => model.generate(who, how);
			const alone: GeneratedImage[][] = [];
			const oneByOne = await count(model, async () => {
				for (const call of calls) alone.push(await paint(call));
			});
			let together: GeneratedImage[][] = [];
			const atOnce = await count(model, async () => {
				together = await Promise.all(calls.map(paint));
			});
			expect(together).toHaveLength(10);
			for (const [i, images] of together.entries()) {
				expect(differenceOf(images, alone[i]!, false), `call ${i}`).toBeLessThanOrEqual(tolerance);
			}
			console.log(`${name}: ${oneByOne} evaluations one by one, ${atOnce} at once`);
			expect(atOnce).toBeGreaterThan(0);
			expect(atOnce).toBeLessThan(oneByOne);
		});
	},
);
