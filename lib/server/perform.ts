// Paints what a request asks for.
import sharp from 'sharp';
import { Identity } from '../identity.ts';
import type { GeneratedImage } from '../image.ts';
import {
	type FinishedImage,
	imagesOf,
	type JsonObject,
	type Perform,
	type PortraitRequest,
	type PreviewImage,
	type Told,
} from '../jobs/request.ts';
import { Room } from '../jobs/room.ts';
import { fromBase64 } from '../options/base64.ts';
import { invalid } from '../options/check.ts';
import type { EncodeOptions } from '../options/faces.ts';
import type { GenerateOptions } from '../options/generate.ts';
import type { ImageFormat } from '../options/image-formats.ts';
import type { Preview } from '../options/preview.ts';
import type { Painter } from './painter.ts';

/** Fields that are not options of `generate`. */
type Own = {
	identity?: JsonObject;
	identities?: readonly JsonObject[];
	face?: EncodeOptions['face'];
	detectionSize?: number;
	threshold?: number;
	format?: ImageFormat;
	quality?: number;
	recipes?: boolean;
};

/**
 * @param room - how many images the painter has at a time, if others don't see to that
 * @returns what does the work of requests with this painter
 */
export function performer(painter: Painter, room?: Room): Perform {
	return async (request, told) => {
		const { own, options } = split(request);
		const who = await whoOf(painter, request, own, told.signal);
		const callbacks = callbacksOf(told);
		const call = { ...options, ...callbacks, signal: told.signal };
		const leave = await room?.enter(imagesOf(request), told.signal);
		try {
			const images = who === undefined ? painter.generateEach(call as never) : painter.generateEach(who, call);
			for await (const image of images) {
				leave?.(1);
				await told.onImage(await finished(image, own, options));
			}
		} finally {
			leave?.();
		}
	};
}

function split({ fields, files }: PortraitRequest): { own: Own; options: GenerateOptions } {
	const { identity, identities, face, detectionSize, threshold, format, quality, recipes, ...data } = fields;
	const own = { identity, identities, face, detectionSize, threshold, format, quality, recipes } as Own;
	const { latents, control, reference, ...rest } = data as Record<string, unknown>;
	const listed = (name: string) => {
		const all = Object.keys(files).filter((file) => file.startsWith(`${name}.`));
		const photos = all.map((_, index) => files[`${name}.${index}`]!);
		return photos.length === 0 ? {} : { [name]: photos.length === 1 ? photos[0] : photos };
	};
	const within = (name: string, file: string, value: unknown) => {
		const photo = files[`${name}.${file}`];
		if (value === undefined && photo === undefined) return {};
		return { [name]: { ...(value as object), ...(photo && { [file]: photo }) } };
	};
	const { noise, ...referred } = (reference ?? {}) as { noise?: string };
	return {
		own,
		options: {
			...rest,
			...(latents === undefined ? {} : { latents: fromBase64(latents as string, 'latents') }),
			...{ ...listed('image'), ...listed('mask') },
			...within('control', 'image', control),
			...within(
				'reference',
				'photo',
				reference && { ...referred, ...(noise && { noise: fromBase64(noise, 'reference.noise') }) },
			),
		} as GenerateOptions,
	};
}

async function whoOf(
	painter: Painter,
	{ fields, files }: PortraitRequest,
	{ identity, identities, face, detectionSize, threshold }: Own,
	signal: AbortSignal,
): Promise<Identity | Identity[] | undefined> {
	const { photo } = files;
	const given = [identity, identities, photo].filter((one) => one !== undefined).length;
	if (given > 1) throw invalid('one of identity, identities and photo', 'identity', 'several');
	if (identity !== undefined) return Identity.from(identity as never);
	if (identities !== undefined) return identities.map((one) => Identity.from(one as never));
	if (photo !== undefined) return await painter.encode(photo, { face, detectionSize, threshold, signal });
	if (fields.recipe === undefined) throw invalid('one of identity, identities, photo and recipe', 'identity', 'none');
	return undefined;
}

function callbacksOf({ onStep, onPreview }: Told): Pick<GenerateOptions, 'onStep' | 'onPreview'> {
	return {
		...(onStep && { onStep }),
		...(onPreview && {
			onPreview: (preview: Preview) => {
				// Encoded beside the painting; one that fails is one preview less.
				previewFile(preview).then(onPreview, () => {});
			},
		}),
	};
}

async function previewFile({ data, width, height, index, step, steps }: Preview): Promise<PreviewImage> {
	const bytes = await sharp(data, { raw: { width, height, channels: 3 } })
		.jpeg({ quality: 80 })
		.toBuffer();
	return { index, step, steps, mediaType: 'image/jpeg', bytes };
}

async function finished(image: GeneratedImage, own: Own, { check }: GenerateOptions): Promise<FinishedImage> {
	const { index, seed, width, height, warnings, similarity } = image;
	const { format = 'png', quality, recipes = false } = own;
	const bytes = await image.toBuffer(format, quality === undefined ? {} : { quality });
	return {
		...{ index, seed, width, height, bytes, warnings },
		mediaType: `image/${format === 'jpg' ? 'jpeg' : format}`,
		...(check && { similarity: similarity ?? null }),
		...(recipes && { recipe: await image.recipe() }),
	};
}

/** One request, however large, leaves a batch to others. */
export function roomOf(painter: Painter): Room {
	return new Room(imagesAtOnce(painter), painter.usage.batch);
}

/** Two batches: while one is evaluated, what finishes has somebody to take its place. More would share the same steps, and all wait longer. */
export function imagesAtOnce(painter: Painter): number {
	return 2 * painter.usage.batch;
}
