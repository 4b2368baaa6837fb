// The networks of evaluation, against pytorch-fid and lpips.

import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { inception } from '../../models/evaluation/inception.ts';
import { lpips } from '../../models/evaluation/lpips.ts';
import { openCheckpoint } from '../../models/weights/checkpoint.ts';
import { CheckpointWeights } from '../../models/weights/weight-set.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { type GoldenCase, goldenFolder, maxAbsError, readGolden } from '../golden.ts';
import type { Photo } from '../inside.ts';
import { goldenImage, writeAlexNetWeights, writeInceptionWeights, writeLpipsHeads } from '../judge-weights.ts';
import { float32, runNetwork, type Tensor } from '../networks.ts';

const folder = temporaryFolder();

/** Pixels as a network's input. */
function planes({ width, height, data }: Photo): Tensor {
	const pixels = height * width;
	const values = Float32Array.from({ length: 3 * pixels }, (_, i) =>
		Number(data[(i % pixels) * 3 + Math.floor(i / pixels)]),
	);
	return float32([1, 3, height, width], values);
}

describe('the Inception network of FID', () => {
	const golden = readGolden('metrics/inception');
	const stages = JSON.parse(readFileSync(`${goldenFolder}metrics/inception.json`, 'utf8')).stages as string[];
	let weights: CheckpointWeights;
	beforeAll(async () => {
		await writeInceptionWeights(folder.path('inception.safetensors'));
		weights = new CheckpointWeights(await openCheckpoint(folder.path('inception.safetensors')));
	});
	const imageOf = async ({ photo_rect, tensors }: GoldenCase) =>
		planes(await goldenImage(golden, photo_rect, tensors.image));

	test.each(golden.cases(4))('$name', { timeout: 60_000 }, async (one) => {
		const { tensors, accuracy, accuracy_stages, rows } = one;
		const network = inception(weights, { taps: ['resize', ...stages] });
		const shapes = Object.fromEntries(stages.map((stage) => [stage, shapeOf(stage)]));
		const outputs = runNetwork(
			network,
			{ image: await imageOf(one) },
			{ features: [1, 2048], resize: [1, 3, 299, 299], ...shapes },
		);
		const error = maxAbsError(outputs.features!.data, golden.floats(tensors.pool3!));
		expect(error).toBeLessThanOrEqual(accuracy!.atol);
		const { data: resized } = outputs.resize!;
		const stored = golden.floats(tensors.resized_rows!);
		const read = [0, 1, 2].flatMap((channel) =>
			(rows as number[]).flatMap((row) => [
				...resized.subarray((channel * 299 + row) * 299, (channel * 299 + row + 1) * 299),
			]),
		);
		// Positions are float32 on both sides.
		expect(maxAbsError(read, stored)).toBeLessThanOrEqual(
			1e-5 + 2 * (one.accuracy as unknown as Record<string, number>).resize_f32_vs_f64_max_abs!,
		);
		for (const stage of stages) {
			const means = channelMeans(outputs[stage]!);
			const expected = golden.floats(tensors[`mean_${stage}`]!);
			expect(maxAbsError(means, expected), stage).toBeLessThanOrEqual(accuracy_stages[stage] + accuracy!.atol / 10);
		}
	});

	test('takes all weights', () => {
		inception(weights);
		weights.assertAllUsed();
	});

	/** Channels and side of a stage's output. */
	function shapeOf(stage: string): number[] {
		const sizes: Record<string, [number, number]> = {
			...{ Conv2d_1a_3x3: [32, 149], Conv2d_2a_3x3: [32, 147], Conv2d_2b_3x3: [64, 147], maxpool1: [64, 73] },
			...{ Conv2d_3b_1x1: [80, 73], Conv2d_4a_3x3: [192, 71], maxpool2: [192, 35] },
			...{ Mixed_5b: [256, 35], Mixed_5c: [288, 35], Mixed_5d: [288, 35] },
			...{ Mixed_6a: [768, 17], Mixed_6b: [768, 17], Mixed_6c: [768, 17], Mixed_6d: [768, 17], Mixed_6e: [768, 17] },
			...{ Mixed_7a: [1280, 8], Mixed_7b: [2048, 8], Mixed_7c: [2048, 8] },
		};
		const [channels, side] = sizes[stage]!;
		return [1, channels, side, side];
	}
});

function channelMeans({ shape, data }: { shape: number[]; data: Float32Array }): Float64Array {
	const [, channels, height, width] = shape as [number, number, number, number];
	const pixels = height * width;
	return Float64Array.from({ length: channels }, (_, c) => {
		const plane = data.subarray(c * pixels, (c + 1) * pixels);
		return plane.reduce((sum, value) => sum + value, 0) / pixels;
	});
}

describe('LPIPS', () => {
	const golden = readGolden('metrics/lpips');
	let network: ReturnType<typeof lpips>;
	beforeAll(async () => {
		await writeAlexNetWeights(folder.path('alexnet.safetensors'));
		await writeLpipsHeads(folder.path('heads.safetensors'));
		const [trunk, linear] = await Promise.all(
			['alexnet', 'heads'].map(
				async (name) => new CheckpointWeights(await openCheckpoint(folder.path(`${name}.safetensors`))),
			),
		);
		network = lpips(trunk!, linear!, { taps: ['lin0', 'lin1', 'lin2', 'lin3', 'lin4'] });
		trunk!.assertAllUsed();
		linear!.assertAllUsed();
	});
	const distance = (first: Photo, second: Photo) => {
		const one = [1, 1, 1, 1];
		const shapes = { distance: [1], lin0: one, lin1: one, lin2: one, lin3: one, lin4: one };
		const { distance: total, ...terms } = runNetwork(network, { first: planes(first), second: planes(second) }, shapes);
		return { total: total!.data[0]!, terms: Object.values(terms).map(({ data }) => data[0]!) };
	};

	test.each(golden.cases(7, 'pair'))('$name', async (one) => {
		const { tensors, accuracy, accuracy_layers, photo_rect0, photo_rect1 } = one;
		const first = await goldenImage(golden, photo_rect0, tensors.image0);
		const second = await goldenImage(golden, photo_rect1, tensors.image1);
		const { total, terms } = distance(first, second);
		expect(maxAbsError([total], golden.floats(tensors.value!))).toBeLessThanOrEqual(accuracy!.atol);
		expect(maxAbsError(terms, golden.floats(tensors.per_layer!))).toBeLessThanOrEqual(accuracy_layers.atol);
	});

	test('of all pairs of a set', () => {
		const [{ tensors, atol, mean_pairwise }] = golden.cases(1, 'set') as [GoldenCase];
		const images = golden.tensor(tensors.images!);
		const [n, height, width] = images.shape as [number, number, number, number];
		const size = height * width * 3;
		const image = (i: number): Photo => ({
			...{ width, height },
			data: (images.data as Uint8Array).subarray(i * size, (i + 1) * size),
		});
		const matrix = Array.from({ length: n * n }, (_, k) => distance(image(Math.floor(k / n)), image(k % n)).total);
		expect(maxAbsError(matrix, golden.floats(tensors.matrix!))).toBeLessThanOrEqual(atol);
		const mean = matrix.reduce((sum, value) => sum + value, 0) / (n * (n - 1));
		expect(Math.abs(mean - mean_pairwise)).toBeLessThanOrEqual(atol);
	});
});
