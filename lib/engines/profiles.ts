// The input shapes that each network's engine is built for, a row per network.
import type { Bundle } from '../bundle/bundle.ts';
import { type Declarations, shapeFor } from '../bundle/dimensions.ts';
import type { NetworkName } from '../bundle/networks.ts';
import { readOnnxModel } from '../bundle/onnx-file.ts';
import { latentChannels } from '../geometry.ts';
import { embeddingLength } from '../identity.ts';
import type { NativeProfile } from '../native.ts';
import type { EngineShapes } from './key.ts';

/** Profiles, and those of the model's shapes that they stand for. */
export type NetworkProfiles = Readonly<{ profiles: readonly NativeProfile[]; shapes: Partial<EngineShapes> }>;

type Row = (bundle: Bundle, shapes: EngineShapes) => NetworkProfiles | Promise<NetworkProfiles>;

/** Side of the face crop that ArcFace reads, in pixels. */
export const faceCropSide = 112;

export const networkProfiles = {
	detector: async (bundle, { detectionSize }) => {
		const profile = await photoProfile(bundle, 'detector', detectionSize);
		// A fixed-size detector uses its own.
		return { profiles: [profile], shapes: { detectionSize: Object.values(profile)[0]?.[2] ?? detectionSize } };
	},
	recognizer: async (bundle) => ({ profiles: [await photoProfile(bundle, 'recognizer', faceCropSide)], shapes: {} }),
	textEncoder: ({ tokens }) => ({
		profiles: [{ input_ids: [1, tokens.prompt.length], identity: [1, embeddingLength], identity_position: [1] }],
		shapes: {},
	}),
	unet: (bundle, shapes) => batchProfiles(bundle, 'unet', shapes),
	vaeDecoder: decoderProfiles,
	tinyDecoder: decoderProfiles,
	vaeEncoder: (_, { imageSizes }) => ({
		profiles: imageSizes.map(({ width, height }) => ({ image: [1, 3, height, width] })),
		shapes: sizesOf(imageSizes),
	}),
	controlNet: (bundle, shapes) => batchProfiles(bundle, 'controlNet', shapes),
} as const satisfies Record<NetworkName, Row>;

/** One image, or a pair of them, of each size: for a network that judges images. */
export function judgeProfiles({ inputs }: Declarations, imageSizes: EngineShapes['imageSizes']): NetworkProfiles {
	const profiles = imageSizes.map(({ width, height }) =>
		Object.fromEntries(inputs.map(({ name }) => [name, [1, 3, height, width]])),
	);
	return { profiles, shapes: sizesOf(imageSizes) };
}

/** Every batch size with every image size, for all inputs that the network declares. */
function batchProfiles(
	bundle: Bundle,
	name: 'unet' | 'controlNet',
	{ batchSizes, imageSizes }: EngineShapes,
): NetworkProfiles {
	const { inputs } = bundle.declarations[name]!;
	const { pixelsPerLatent } = bundle.geometry;
	const profiles = latentsOf(bundle, imageSizes).flatMap(([height, width]) =>
		batchSizes.map((batch) => {
			const sizes = { batch, tokens: bundle.tokens.prompt.length, height, width, pixelsPerLatent };
			return Object.fromEntries(inputs.map(({ name, shape }) => [name, shapeFor(shape, sizes)]));
		}),
	);
	return { profiles, shapes: { ...sizesOf(imageSizes), batchSizes } };
}

function decoderProfiles(bundle: Bundle, { imageSizes }: EngineShapes): NetworkProfiles {
	const profiles = latentsOf(bundle, imageSizes).map((size) => ({ latents: [1, latentChannels, ...size] }));
	return { profiles, shapes: sizesOf(imageSizes) };
}

/** Heights and widths of the latents of these images. */
function latentsOf({ geometry }: Bundle, imageSizes: EngineShapes['imageSizes']): [number, number][] {
	const { pixelsPerLatent } = geometry;
	return imageSizes.map(({ width, height }) => [height / pixelsPerLatent, width / pixelsPerLatent]);
}

/** Drops any other fields of a caller's objects. */
function sizesOf(imageSizes: EngineShapes['imageSizes']): Pick<EngineShapes, 'imageSizes'> {
	return { imageSizes: imageSizes.map(({ width, height }) => ({ width, height })) };
}

/** One photo of this many pixels a side, unless the network's file fixes its own sizes. */
async function photoProfile({ files, networks }: Bundle, name: NetworkName, side: number): Promise<NativeProfile> {
	const network = networks[name];
	if (network === undefined || !('file' in network)) throw new TypeError(`expected a file for the network ${name}`);
	const { inputs } = await readOnnxModel(files[network.file]!);
	const sizes = [1, 3, side, side];
	return Object.fromEntries(inputs.map(({ name, shape }) => [name, shape.map((size, axis) => size || sizes[axis]!)]));
}
