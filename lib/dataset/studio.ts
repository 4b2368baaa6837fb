// One try of one image: painted, read as `encode` reads photos, and put into files, beside others.

import sharp, { type Sharp } from 'sharp';
import type { Arc2Face } from '../arc2face.ts';
import { Arc2FaceError } from '../errors.ts';
import { cropFace } from '../faces/crop.ts';
import { sha256 } from '../files/digests.ts';
import type { EncodedFace } from '../geometry.ts';
import { Identity } from '../identity.ts';
import type { GeneratedImage } from '../image.ts';
import { loadNative } from '../native.ts';
import type { Contents, ImageFormat } from '../options/dataset.ts';
import type { GenerateOptions } from '../options/generate.ts';
import { sourceTypes } from '../provenance/source-type.ts';
import { xmpOf } from '../provenance/xmp.ts';
import { type Looks, thumbnailSide } from './gate.ts';
import type { Painting } from './run.ts';
import type { Drawn, Spread } from './spread.ts';
import { Turns } from './turns.ts';

/** What is to be painted. */
export type Order = Readonly<{ person: number; image: number; attempt: number; seed: number; drawn: Drawn }>;

/** What came of it. Without files, if it is not alike enough anyway. */
export type Shot = Looks & Readonly<{ order: Order; similarity: number; files: ShotFiles | undefined }>;

export type ShotFiles = Readonly<{
	face: EncodedFace;
	/** Encoded. */
	portrait: Uint8Array | undefined;
	crop: Uint8Array | undefined;
	/** Of the portrait's pixels: lower-case hexadecimal. */
	sha256: string;
	/** JSON: how it was painted, without model and identity. */
	recipe: string;
}>;

/** Whether it is kept, unless it is a copy. */
export const isFit = ({ files }: Shot) => files !== undefined;

/** What all images of a run have in common. */
export type Manner = Readonly<{
	painting: Painting;
	spread: Spread;
	contents: Contents;
	imageFormat: ImageFormat;
	minSimilarity: number;
}>;

/** Files of the two, in sharp's words. JPEG keeps the colour of every pixel. */
const encodings = { png: {}, jpg: { quality: 95, chromaSubsampling: '4:4:4' } } as const;

/** A model at work on many images at once, which share its batches. */
export class Studio {
	readonly #model: Arc2Face;
	readonly #manner: Manner;
	readonly #painting: Turns;
	readonly #reading: Turns;

	/** @param atOnce - images that are painted at once; as many more may be read meanwhile */
	constructor(model: Arc2Face, manner: Manner, atOnce: number) {
		this.#model = model;
		this.#manner = manner;
		this.#painting = new Turns(atOnce);
		this.#reading = new Turns(atOnce);
	}

	/** Waits until the painter is about to run out of orders. */
	async hasRoom(atOnce: number, signal: AbortSignal): Promise<void> {
		await this.#painting.shorterThan(atOnce, signal);
	}

	/** Painted in the order of people, tries of earlier people first. @throws {Arc2FaceError} what `generate` and `encode` do */
	async make(order: Order, identity: Identity, signal: AbortSignal): Promise<Shot> {
		const endPainting = await this.#painting.take(order.person, signal);
		let endReading = () => {};
		try {
			const [image] = await this.#model.generate(identity, this.#optionsOf(order, signal));
			// A painter whose images nobody has read yet waits: memory stays what it is.
			endReading = await this.#reading.take(order.person, signal);
			endPainting();
			return await this.#read(order, identity, image, signal);
		} finally {
			endPainting();
			endReading();
		}
	}

	#optionsOf({ seed, drawn }: Order, signal: AbortSignal): GenerateOptions {
		const { painting, spread } = this.#manner;
		return {
			...painting,
			...{ seed, signal },
			...(drawn.pose && { control: { pose: drawn.pose, scale: spread.poses!.scale } }),
			...(drawn.expression && { expression: drawn.expression, expressionScale: spread.expressions!.scale }),
		};
	}

	async #read(order: Order, identity: Identity, image: GeneratedImage, signal: AbortSignal): Promise<Shot> {
		const shown = await this.#model.encode(image, { signal }).catch((error: unknown) => {
			if (error instanceof Arc2FaceError && error.code === 'NO_FACE') return undefined;
			throw error;
		});
		const thumbnail = thumbnailOf(image);
		// One that lies on its side is a mistake of the painter or of the detector.
		if (shown?.face === undefined || shown.face.rotation !== 0) {
			return { order, shown: undefined, thumbnail, similarity: Number.NaN, files: undefined };
		}
		const similarity = identity.similarity(shown);
		const isKept = similarity >= this.#manner.minSimilarity;
		const files = isKept ? await this.#filesOf(image, shown.face, signal) : undefined;
		return { order, shown: Identity.from(shown.embedding), thumbnail, similarity, files };
	}

	async #filesOf(image: GeneratedImage, face: EncodedFace, signal: AbortSignal): Promise<ShotFiles> {
		const { contents, imageFormat } = this.#manner;
		const crop = contents === 'images' ? undefined : await cropOf(image, face, imageFormat, signal);
		const portrait = contents === 'crops' ? undefined : await encoded(image.sharp(), imageFormat);
		const { format: _, package: __, model: ___, identity: ____, ...recipe } = await image.recipe();
		return { face, portrait, crop, sha256: sha256(image.data), recipe: JSON.stringify(recipe) };
	}
}

const cropSide = 112;

async function cropOf(
	image: GeneratedImage,
	{ keypoints }: EncodedFace,
	format: Manner['imageFormat'],
	signal: AbortSignal,
): Promise<Buffer> {
	const pixels = await cropFace(loadNative(), image, keypoints, signal);
	return await encoded(sharp(pixels, { raw: { width: cropSide, height: cropSide, channels: 3 } }), format);
}

/** One seed gives one data set, bit for bit, and trainers see what was painted: so XMP is all that marks its images. */
async function encoded(image: Sharp, format: Manner['imageFormat']): Promise<Buffer> {
	return await image
		.withXmp(xmpOf(sourceTypes.generated))
		.toFormat(format === 'jpg' ? 'jpeg' : format, encodings[format])
		.toBuffer();
}

/** Means of brightness, in whole numbers, so that all machines have the same. */
export function thumbnailOf({ data, width, height }: Pick<GeneratedImage, 'data' | 'width' | 'height'>): Uint8Array {
	const cells = thumbnailSide ** 2;
	const [sums, counts] = [new Float64Array(cells), new Float64Array(cells)];
	for (let y = 0; y < height; y++) {
		const row = Math.floor((y * thumbnailSide) / height) * thumbnailSide;
		for (let x = 0; x < width; x++) {
			const cell = row + Math.floor((x * thumbnailSide) / width);
			const at = 3 * (y * width + x);
			// ITU-R BT.601, in thousandths.
			sums[cell]! += 299 * data[at]! + 587 * data[at + 1]! + 114 * data[at + 2]!;
			counts[cell]!++;
		}
	}
	return Uint8Array.from(sums, (sum, cell) => Math.floor(sum / (1000 * Math.max(1, counts[cell]!))));
}
