// A decoder that shows latents: images tell of them only to one part in 255 and through a network, so in its place stands one that encodes
// them in pixels.
import { Graph, type NetworkGraph, type Value } from '../models/graph/graph.ts';
import type { VaeConfig } from '../models/vae.ts';

/**
 * Latents between −128 and 128 to an image whose pixels are the three bytes of (latent + 128) · 2^16: row c · h + y of the image begins
 * with row y of channel c. What comes out is within 2^-16 of what went in: float32 numbers around 128 are 2^-16 apart.
 */
export function latentsAsPixels({ latentChannels, pixelsPerLatent }: VaeConfig): NetworkGraph {
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
export function latentsOf({ data, width, height }: { data: Uint8Array; width: number; height: number }): number[] {
	const [columns, rows] = [width / 8, (4 * height) / 8];
	return Array.from({ length: rows * columns }, (_, i) => {
		const at = 3 * (Math.floor(i / columns) * width + (i % columns));
		return (data[at]! * 2 ** 16 + data[at + 1]! * 2 ** 8 + data[at + 2]!) / 2 ** 16 - 128;
	});
}
