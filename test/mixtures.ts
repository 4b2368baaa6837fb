// Calls that paint with every feature, in mixtures: for models that were loaded with all of them.
import type { GeneratedImage, GenerateOptions } from '../lib/index.ts';

export const photo = {
	data: Uint8Array.from({ length: 3 * 200 * 160 }, (_, i) => (i * 7919) % 251),
	...{ width: 200, height: 160, channels: 3 as const },
};
/** White in its lower half. */
export const mask = {
	data: Uint8Array.from({ length: 200 * 160 }, (_, i) => (i < 100 * 160 ? 0 : 255)),
	...{ width: 200, height: 160, channels: 1 as const },
};
export const keypoints = [
	[70, 60],
	[110, 62],
	[90, 85],
	[75, 105],
	[105, 107],
] as const;
export const identity = Float32Array.from({ length: 512 }, (_, i) => Math.sin(i));
export const otherIdentity = Float32Array.from({ length: 512 }, (_, i) => Math.cos(3 * i));

/** Of an expression. */
export const numbers = Float32Array.from({ length: 55 }, (_, i) => Math.sin(5 * i));
export const reference = { photo, face: keypoints };
/** Engines are for images of this size alone, whatever that of a photo. */
const size = { width: 128, height: 128 };
/** Everything at once. */
export const everything: GenerateOptions = {
	...{ ...size, image: photo, strength: 0.8, mask, overlay: true },
	control: { pose: { yaw: 20, pitch: -5 }, scale: 0.8 },
	expression: 'smile',
	reference,
};

export type Call = readonly [Float32Array | Float32Array[], GenerateOptions];
/** Each another mixture. Together they need more rows than a batch has, and leave it one after another. */
export const mixtures: readonly Call[] = [
	[identity, { seed: 1, steps: 5 }],
	[otherIdentity, { seed: 2, steps: 3, control: { pose: { yaw: 30 } } }],
	[identity, { seed: 3, steps: 4, guidanceScale: 1, expression: numbers, expressionScale: 0.5 }],
	[otherIdentity, { seed: 4, steps: 4, reference, image: photo, ...size, count: 2 }],
	[
		identity,
		{ seed: 5, steps: 6, control: { image: photo, scale: 0.6 }, guidanceScale: 1, image: photo, mask, ...size },
	],
	[identity, { seed: 6, steps: 3, guidanceScale: 3, ...everything }],
	[[identity, otherIdentity], { seed: 7, steps: 3, reference: { photo, align: false, scale: 1.2 } }],
	[otherIdentity, { seed: 8, steps: 5, control: { pose: { roll: 10 } }, expression: 'frown', guidanceScale: 4 }],
	[identity, { seed: 9, steps: 3, expression: 'smile', reference: { ...reference, scale: 0 }, sampler: 'euler-a' }],
	[otherIdentity, { seed: 10, steps: 4, guidanceScale: 2, reference, control: { image: photo }, sampler: 'dpm++2m' }],
];

type Images = readonly Pick<GeneratedImage, 'data'>[];

/** In levels: the largest difference of two lists of images, or that of the image that differs most on average; NaN for other shapes. */
export function differenceOf(a: Images, b: Images, onAverage: boolean): number {
	if (a.length !== b.length || a.some(({ data }, i) => data.length !== b[i]!.data.length)) return Number.NaN;
	const differences = a.map(({ data }, i) => Array.from(data, (level, at) => Math.abs(level - b[i]!.data[at]!)));
	const worst = (list: number[]) => list.reduce((most, one) => Math.max(most, one), 0);
	const mean = (list: number[]) => list.reduce((sum, one) => sum + one, 0) / list.length;
	return worst(differences.map(onAverage ? mean : worst));
}
