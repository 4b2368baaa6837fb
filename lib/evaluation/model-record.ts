// Which model paints and which networks judge, by the digests of their files: the same names mean other files elsewhere.
import { basename, resolve } from 'node:path';
import { type Bundle, openBundle } from '../bundle/bundle.ts';
import { type BundleDigests, fileDigests, LoadedWeights } from '../bundle/digests.ts';
import { type Framing, readFraming } from '../bundle/framing.ts';
import { onnxPath } from '../bundle/network-files.ts';
import { officialParts } from '../bundle/official.ts';
import type { ImageGeometry } from '../geometry.ts';
import type { Decoder } from '../options/features.ts';
import type { ResolvedLora } from '../options/loras.ts';

/** SHA-256 in lower-case hexadecimal. */
export type ModelRecord = Readonly<{
	/** The folder's name. */
	bundle: string;
	weights: BundleDigests['weights'];
	settings: string;
	loras: BundleDigests['loras'];
	detector: string;
	recogniser: string;
	/** The recogniser that judges, if another. */
	judge?: string;
}>;

export type DescribedModel = Readonly<{
	record: ModelRecord;
	folder: string;
	geometry: ImageGeometry;
	framing: Framing;
	/** Whether UNet and recogniser are the official ones. */
	isOfficial: Readonly<{ unet: boolean; recogniser: boolean }>;
}>;

/**
 * Reads the weights once, some seconds for the official ones; then their digests are known.
 *
 * @throws {Arc2FaceError} `INVALID_BUNDLE`, also without networks that read faces; `INVALID_WEIGHTS`; `FILE_FAILED`
 */
export async function describeModel(
	bundle: string | undefined,
	{
		decoder,
		loras,
		cacheDir,
		judge,
		signal,
	}: {
		decoder: Decoder;
		loras: readonly ResolvedLora[];
		cacheDir: string | undefined;
		judge: string | undefined;
		signal: AbortSignal;
	},
): Promise<DescribedModel> {
	const opened = await openBundle(bundle, { operators: 'onnxruntime', precision: 'fp32', decoder, loras });
	const weights = await LoadedWeights.of(opened, cacheDir);
	const digests = await weights.digests(signal);
	const files = await fileDigests(cacheDir);
	const sha256 = (file: string) => files.sha256(resolve(file), { signal });
	const recogniser = await faceDigest(opened, 'recognizer', sha256);
	const record: ModelRecord = {
		bundle: basename(opened.folder),
		...{ weights: digests.weights, settings: digests.settings, loras: digests.loras },
		...{ detector: await faceDigest(opened, 'detector', sha256), recogniser },
		...(judge !== undefined && { judge: await sha256(judge) }),
	};
	return {
		record,
		folder: opened.folder,
		geometry: opened.geometry,
		framing: await readFraming(opened.folder),
		isOfficial: {
			unet: digests.weights.unet?.join() === officialDigest('base', 'arc2face/diffusion_pytorch_model.safetensors'),
			recogniser: (record.judge ?? recogniser) === officialDigest('antelopev2', 'antelopev2/arcface.onnx'),
		},
	};
}

/** Empty where the bundle has none: loading it, and then its first call, says what is missing. */
async function faceDigest(
	{ folder, missingFaceModels }: Bundle,
	name: 'detector' | 'recognizer',
	sha256: (file: string) => Promise<string>,
): Promise<string> {
	return missingFaceModels.length === 0 ? await sha256(onnxPath(folder, name)) : '';
}

function officialDigest(part: 'base' | 'antelopev2', path: string): string | undefined {
	const files: readonly { path: string; sha256?: string }[] = officialParts[part].files;
	return files.find((file) => file.path === path)?.sha256;
}
