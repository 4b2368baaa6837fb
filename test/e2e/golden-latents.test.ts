// The latents of whole generations, as the denoiser passes them to the decoder. Images show them only to one part in 255 and through
// a decoder, so here the decoder is a network that encodes them in pixels; everything else is as users have it.
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { Arc2Face } from '../../lib/index.ts';
import type { Plan } from '../../lib/samplers/plan.ts';
import { Graph, type NetworkGraph, type Value } from '../../models/graph/graph.ts';
import type { VaeConfig } from '../../models/vae.ts';
import { type GoldenCase, maxAbsError } from '../golden.ts';
import { bundle, golden, identities, lcm, lcmLora, optionsOf, plain } from '../recorded-pipeline.ts';

const cut = vi.hoisted(() => ({ steps: Number.POSITIVE_INFINITY }));
vi.mock('../../models/vae.ts', async (original) => {
	const { vaeDecoder, ...vae } = await original<typeof import('../../models/vae.ts')>();
	const writeDown = (...request: Parameters<typeof vaeDecoder>): NetworkGraph => {
		vaeDecoder(...request); // or the bundle would have weights that no network uses
		return latentsAsPixels(request[0]);
	};
	return { ...vae, vaeDecoder: writeDown };
});
vi.mock('../../lib/samplers/samplers.ts', async (original) => {
	const { makePlan, ...samplers } = await original<typeof import('../../lib/samplers/samplers.ts')>();
	const makeCutPlan = (...request: Parameters<typeof makePlan>): Plan => {
		const plan = makePlan(...request);
		return { ...plan, steps: plan.steps.slice(0, cut.steps) };
	};
	return { ...samplers, makePlan: makeCutPlan };
});

/**
 * Latents between −128 and 128 to an image whose pixels are the three bytes of (latent + 128) · 2^16: row c · h + y of the image begins
 * with row y of channel c. What comes out is within 2^-16 of what went in: float32 numbers around 128 are 2^-16 apart.
 */
function latentsAsPixels({ latentChannels, pixelsPerLatent }: VaeConfig): NetworkGraph {
	const graph = new Graph('latents-as-pixels');
	const latents = graph.input('latents', 'float32', ['batch', latentChannels, 'height', 'width']);
	const scalar = (value: number) => graph.constant('float32', [], Float32Array.of(value));
	const integers = (...values: number[]) =>
		graph.constant('int64', [values.length], BigInt64Array.from(values, BigInt));
	const floor = (value: Value) => graph.node('Floor', [value]);

	const shifted = graph.node('Mul', [graph.node('Add', [latents, scalar(128)]), scalar(2 ** 16)]);
	const whole = floor(graph.node('Add', [shifted, scalar(0.5)]));
	const upper = floor(graph.node('Div', [whole, scalar(2 ** 16)]));
	const middle = floor(graph.node('Div', [whole, scalar(2 ** 8)]));
	const bytes = [
		upper,
		graph.node('Sub', [middle, graph.node('Mul', [upper, scalar(256)])]),
		graph.node('Sub', [whole, graph.node('Mul', [middle, scalar(256)])]),
	];
	// The channels stacked vertically. 0: unchanged; -1: inferred.
	const rows = bytes.map((byte) => graph.node('Reshape', [byte, integers(0, 1, -1, 0)]));
	const pixels = graph.node('Concat', rows, { axis: 1 });
	const image = graph.node('Tile', [pixels, integers(1, 1, pixelsPerLatent / latentChannels, pixelsPerLatent)]);
	// 0 … 255 to the decoder's −1 … 1
	const levels = graph.node('Sub', [graph.node('Div', [image, scalar(127.5)]), scalar(1)]);
	graph.output('image', levels, 'float32', ['batch', 3, 'image_height', 'image_width']);
	return graph.finish();
}

/** The latents [4, h, w] that an image of {@link latentsAsPixels} stands for. */
function latentsOf({ data, width, height }: { data: Uint8Array; width: number; height: number }): number[] {
	const [columns, rows] = [width / 8, (4 * height) / 8];
	return Array.from({ length: rows * columns }, (_, i) => {
		const at = 3 * (Math.floor(i / columns) * width + (i % columns));
		return (data[at]! * 2 ** 16 + data[at + 1]! * 2 ** 8 + data[at + 2]!) / 2 ** 16 - 128;
	});
}

let model: Arc2Face;
let adapted: Arc2Face;
beforeAll(async () => {
	model = await Arc2Face.load({ bundle, device: 'cpu' });
	adapted = await Arc2Face.load({ bundle, device: 'cpu', loras: [lcmLora] });
});
afterAll(() => Promise.all([model.dispose(), adapted.dispose()]));
beforeEach(() => {
	cut.steps = Number.POSITIVE_INFINITY;
});

async function generate(recorded: GoldenCase): Promise<number[]> {
	const people = recorded.identities.map((i: number) => identities[i]);
	const images = await (recorded.kind === 'lcm' ? adapted : model).generate(people, optionsOf(recorded));
	return images.flatMap(latentsOf);
}

describe('ends with the latents of diffusers', () => {
	test.each([...plain, ...lcm])('$name', async (recorded) => {
		// atol: 20 times the distance between diffusers' own float32 and float64 runs, 10 times that of the bytes.
		expect(maxAbsError(await generate(recorded), golden.floats(recorded.tensors.latents!))).toBeLessThanOrEqual(
			recorded.accuracy!.atol,
		);
	});
});

test.each([
	['dpm25_g3_s42', 25],
	['lcm4_g1', 4],
])('has the latents of diffusers after every step: %s', async (name, count) => {
	const recorded = golden.case(name);
	const all = golden.tensor(recorded.tensors.latents_all!);
	expect(all.shape).toEqual([count, 1, 4, 16, 16]);
	const size = all.data.length / count;
	for (let step = 1; step <= count; step++) {
		cut.steps = step;
		const expected = (all.data as Float32Array).subarray((step - 1) * size, step * size);
		// As for the last step: errors grow from step to step.
		expect(maxAbsError(await generate(recorded), expected), `step ${step}`).toBeLessThanOrEqual(
			recorded.accuracy!.atol,
		);
	}
});
