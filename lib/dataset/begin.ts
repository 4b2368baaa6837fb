// The beginning of a run: what is asked for, what the model makes of it, and who the people are.
import { join } from 'node:path';
import type { Arc2Face } from '../arc2face.ts';
import { adapterFiles } from '../bundle/adapters.ts';
import { findBundle, openBundle } from '../bundle/bundle.ts';
import { fileDigests, LoadedWeights } from '../bundle/digests.ts';
import { expressionsName, readExpressions } from '../bundle/expressions.ts';
import { isThere, onnxPath } from '../bundle/network-files.ts';
import { networks } from '../bundle/networks.ts';
import { FileDigests, sha256 } from '../files/digests.ts';
import type { ImageGeometry } from '../geometry.ts';
import { embeddingLength } from '../identity.ts';
import { invalid } from '../options/check.ts';
import type { ResolvedDataset } from '../options/dataset.ts';
import type { Decoder, Feature } from '../options/features.ts';
import { resolveGenerateOptions } from '../options/generate.ts';
import type { ResolvedLora } from '../options/loras.ts';
import type { Presets } from '../options/presets.ts';
import { packageVersion } from '../package.ts';
import { describeFiles, type ModelFiles } from '../provenance/recipe.ts';
import { chooseIdentities, type IdentitySource } from './identities/choose.ts';
import { identitiesDigest } from './identities/digest.ts';
import { readEmbeddings } from './identities/file.ts';
import type { Asked, Painting, Run } from './run.ts';
import type { Spread } from './spread.ts';

/** @throws {Arc2FaceError} `FILE_FAILED` for files of embeddings that can't be read */
export async function askedOf(options: ResolvedDataset, signal: AbortSignal): Promise<Asked> {
	const { from, list, components, exclude, people, images, seed, maxCosine } = options;
	const { format, contents, imageFormat, minSimilarity, tries, peoplePerShard } = options;
	const digest = (file: string) => new FileDigests().sha256(file, { signal });
	const kind = from === undefined ? 'list' : 'fitted';
	const file = from ?? list;
	return {
		package: packageVersion(),
		...{ seed, people, images },
		source:
			file === undefined
				? { kind: 'sphere' }
				: { kind, sha256: await digest(file), ...(components !== undefined && { components }) },
		maxCosine,
		exclude: await Promise.all(exclude.map(digest)),
		...{ format, contents, imageFormat, minSimilarity, tries, peoplePerShard },
	};
}

/** Heads turn so far to either side, where nobody asks for something else and the bundle has a ControlNet: degrees. */
const usualPoses = [30, 10, 5] as const;

/**
 * What differs between the images of a person, and what the model has to be loaded with for it.
 *
 * @param bundle - name or folder (default: as for `load`)
 * @returns also the bundle's folder
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for an expression that the bundle does not know; `INVALID_BUNDLE`
 */
export async function spreadOf(
	{ poses, controlScale, expressions, expressionScale }: ResolvedDataset,
	bundle: string,
): Promise<{ folder: string; spread: Spread; features: Feature[] }> {
	const folder = await findBundle(bundle);
	const hasPoses = await isThere(join(folder, networks.controlNet.folders[0]));
	const [yaw, pitch, roll] = (poses ?? (hasPoses ? usualPoses : [0, 0, 0])) as [number, number, number];
	const hasExpressions = await isThere(join(folder, adapterFiles.expression.folder));
	const known = hasExpressions ? [...(await readExpressions(folder)).keys()] : [];
	const names = expressions ?? known;
	const unknown = names.find((name) => !known.includes(name));
	if (unknown !== undefined) {
		const choice =
			known.length === 0
				? `none: ${folder} has no ${hasExpressions ? expressionsName : 'expression adapter'}`
				: known.join(', ');
		throw invalid(`some of ${choice}`, 'expressions', unknown);
	}
	const turns = yaw > 0 || pitch > 0 || roll > 0;
	return {
		folder,
		spread: {
			...(turns && { poses: { yaw, pitch, roll, scale: controlScale } }),
			...(names.length > 0 && { expressions: { names, scale: expressionScale } }),
		},
		features: [...(turns ? (['control'] as const) : []), ...(names.length > 0 ? (['expression'] as const) : [])],
	};
}

/** How a model is loaded, as far as that decides its files. */
export type Loading = Readonly<{ decoder: Decoder; loras: readonly ResolvedLora[]; cacheDir: string | undefined }>;

/** What of `Run` the bundle's folder tells. @throws {Arc2FaceError} `INVALID_BUNDLE`; `FILE_FAILED` */
export async function foundIn(
	folder: string,
	spread: Spread,
	{ detectionSize, cacheDir }: { detectionSize: number; cacheDir: string | undefined },
	signal: AbortSignal,
): Promise<Pick<Run, 'spread' | 'expressions' | 'readers'>> {
	const files = await fileDigests(cacheDir);
	const digestOf = (name: 'detector' | 'recognizer') => files.sha256(onnxPath(folder, name), { signal });
	const { names = [] } = spread.expressions ?? {};
	const known = names.length > 0 ? await readExpressions(folder) : new Map();
	return {
		spread,
		...(names.length > 0 && { expressions: sha256(JSON.stringify(names.map((name) => known.get(name)))) }),
		readers: { detector: await digestOf('detector'), recognizer: await digestOf('recognizer'), detectionSize },
	};
}

/**
 * What of a model is known before it is loaded. The digests are remembered: who goes on does not read the weights again.
 *
 * @throws {Arc2FaceError} as `openBundle`; `FILE_FAILED`
 */
export async function modelIn(
	folder: string,
	features: readonly Feature[],
	{ decoder, loras, cacheDir }: Loading,
	signal: AbortSignal,
): Promise<ModelFiles> {
	const opened = await openBundle(folder, { operators: 'onnxruntime', precision: 'fp32', features, decoder, loras });
	return await describeFiles(await LoadedWeights.of(opened, cacheDir), { used: features, decoder }, signal);
}

/** How all images are painted. @throws {Arc2FaceError} as `generate` */
export function paintingBy({ manner }: ResolvedDataset, geometry: ImageGeometry, presets: Presets): Painting {
	const resolved = resolveGenerateOptions(manner, 1, geometry, presets);
	const { sampler, steps, guidanceScale, guidanceInterval, eta, width, height } = resolved;
	return {
		...{ sampler, steps, guidanceScale, width, height },
		...(guidanceInterval && { guidanceInterval }),
		...(sampler === 'ddim' && { eta }),
	};
}

/** What of `Run` takes the model. @throws {Arc2FaceError} as `generate`; `FILE_FAILED` */
export async function decidedBy(
	model: Arc2Face,
	options: ResolvedDataset,
	batchRows: readonly number[],
	signal: AbortSignal,
): Promise<Pick<Run, 'painting' | 'model' | 'batchRows'>> {
	const { info } = model;
	const geometry = { ...info.imageSize, pixelsPerLatent: info.pixelsPerLatent };
	return {
		painting: paintingBy(options, geometry, info.presets),
		model: await model.describe(signal),
		...(info.device !== 'cpu' && { batchRows }),
	};
}

/**
 * The people of a run: [people, 512].
 *
 * @throws {Arc2FaceError} as `chooseIdentities` and `readEmbeddings`
 */
export async function choosePeople(
	{ from, list, components, exclude, people, seed, maxCosine }: ResolvedDataset,
	{ signal, onProgress }: { signal: AbortSignal; onProgress: (done: number) => void },
): Promise<{ embeddings: Float32Array; digest: string }> {
	const source: IdentitySource =
		from !== undefined
			? { kind: 'fitted', embeddings: await readEmbeddings(from), ...(components !== undefined && { components }) }
			: list !== undefined
				? { kind: 'list', embeddings: await readEmbeddings(list) }
				: { kind: 'sphere' };
	const others = [];
	for (const file of exclude) others.push((await readEmbeddings(file)).data);
	const excluded = new Float32Array(others.reduce((sum, { length }) => sum + length, 0));
	others.reduce((at, data) => {
		excluded.set(data, at);
		return at + data.length;
	}, 0);
	const { embeddings } = await chooseIdentities(source, {
		...{ count: people, seed, maxCosine, signal, onProgress },
		...(others.length > 0 && { exclude: { data: excluded, length: embeddingLength } }),
	});
	return { embeddings, digest: await identitiesDigest(embeddings, signal) };
}
