import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import sharp, { type Sharp, type SharpOptions } from 'sharp';
import { Arc2FaceError } from './errors.ts';

/** A path, a `file:` URL, the bytes of an encoded image, pixels, or a sharp instance. */
export type Photo = string | URL | Uint8Array | ArrayBuffer | RawPhoto | Sharp;

/** Pixels: 8 bits, row-major, the top row first; `channels` are grey (1), RGB (3) or RGB and alpha (4). */
export interface RawPhoto {
	data: Uint8Array | Uint8ClampedArray;
	width: number;
	height: number;
	channels: 1 | 3 | 4;
}

/** RGB, 8 bits, row-major. */
export interface Pixels {
	/** What messages call the photo. */
	name: string;
	data: Uint8Array;
	width: number;
	height: number;
}

/** More than any camera takes at the time of writing; a limit on what a small file can make us allocate (600 MB). */
const pixelLimit = 200_000_000;

/** Photos, as opposed to drawings (SVG) and documents (PDF), which libvips also opens. */
const formats = ['jpeg', 'png', 'webp', 'heif', 'gif', 'tiff', 'jp2', 'jxl', 'raw'];

/**
 * Decodes a photo: turned upright as its EXIF orientation says, converted to sRGB, 8 bits, without alpha (what is
 * transparent becomes white). Of an animation the first frame counts.
 *
 * @throws {Arc2FaceError} `INVALID_IMAGE` for what can't be read or decoded, or has over 200 million pixels;
 *   `INVALID_ARGUMENT` for what is no photo at all
 */
export async function readPhoto(photo: Photo): Promise<Pixels> {
	return await open(photo, async (image, name) => {
		const { data, info } = await image
			.autoOrient()
			.flatten({ background: 'white' })
			.toColourspace('srgb')
			.raw({ depth: 'uchar' })
			.toBuffer({ resolveWithObject: true });
		if (info.channels !== 3) throw new Error(`it has ${info.channels} channels after conversion to RGB`);
		return { name, data, width: info.width, height: info.height };
	});
}

/**
 * Reads only a photo's header: what is missing or no photo is found before long work begins.
 *
 * @throws {Arc2FaceError} as `readPhoto` does
 */
export async function checkPhoto(photo: Photo): Promise<void> {
	await open(photo, async () => {});
}

async function open<T>(photo: Photo, read: (image: Sharp, name: string) => Promise<T>): Promise<T> {
	const { name, image: start } = locate(photo);
	try {
		const image = await start();
		const { format } = await image.metadata();
		if (!formats.includes(format)) throw new Error(`it is of the format ${format}`);
		return await read(image, name);
	} catch (cause) {
		if (cause instanceof Arc2FaceError) throw cause;
		throw new Arc2FaceError('INVALID_IMAGE', `Can't read ${name}: ${sentence((cause as Error).message)}`, { cause });
	}
}

/** What to call the photo in messages, and its image; sharp throws in `image` for some inputs and later for others. */
function locate(photo: Photo): { name: string; image: () => Sharp | Promise<Sharp> } {
	// Damage that a decoder can mend goes through; the rest fails.
	const limits = { limitInputPixels: pixelLimit, failOn: 'error' } as const;
	if (typeof photo === 'string' || photo instanceof URL) {
		const path = pathOf(photo);
		return { name: `the photo ${path}`, image: () => openFile(path, limits) };
	}
	if (photo instanceof Uint8Array || photo instanceof ArrayBuffer) {
		return { name: `the photo of ${photo.byteLength} bytes`, image: () => sharp(photo, limits) };
	}
	if (typeof photo !== 'object' || photo === null) throw notAPhoto(photo);
	if (isSharp(photo)) return { name: "the sharp instance's image", image: () => photo.clone() };
	if ('data' in photo) {
		const { data, width, height, channels } = checkRaw(photo);
		const raw = { raw: { width, height, channels }, ...limits };
		return { name: `the photo of ${width} × ${height} pixels`, image: () => sharp(data, raw) };
	}
	throw notAPhoto(photo);
}

async function openFile(path: string, limits: SharpOptions): Promise<Sharp> {
	// libvips takes a folder for a file of an unknown format.
	const found = await stat(path).catch(() => undefined);
	if (found?.isDirectory()) throw new Error('it is a folder');
	return sharp(path, limits);
}

function notAPhoto(received: unknown): Arc2FaceError {
	return new Arc2FaceError(
		'INVALID_ARGUMENT',
		'Expected a path, a file: URL, the bytes of an image, { data, width, height, channels } or a sharp instance ' +
			`for \`photo\` but received ${received === null ? 'null' : typeof received}.`,
	);
}

function pathOf(photo: string | URL): string {
	const text = String(photo);
	if (!(photo instanceof URL) && !text.startsWith('file:')) {
		if (text === '') throw new Arc2FaceError('INVALID_ARGUMENT', 'Expected a path for `photo` but received "".');
		return text;
	}
	try {
		return fileURLToPath(text);
	} catch (cause) {
		throw new Arc2FaceError('INVALID_ARGUMENT', `Expected a file: URL for \`photo\` but received ${text}.`, { cause });
	}
}

function checkRaw(photo: RawPhoto): RawPhoto {
	const { data, width, height, channels } = photo;
	const fail = (expected: string, field: string, received: string) => {
		throw new Arc2FaceError(
			'INVALID_IMAGE',
			`Expected ${expected} for \`${field}\` of a photo but received ${received}.`,
		);
	};
	if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) fail('a Uint8Array', 'data', typeof data);
	for (const [field, value] of Object.entries({ width, height })) {
		if (!Number.isInteger(value) || value < 1) fail('an integer of at least 1', field, String(value));
	}
	if (![1, 3, 4].includes(channels)) fail('1, 3 or 4', 'channels', String(channels));
	const bytes = width * height * channels;
	if (data.length !== bytes) fail(`${bytes} bytes (${width} · ${height} · ${channels})`, 'data', String(data.length));
	return photo;
}

/** By what it can do, since it may come from another copy of sharp. */
function isSharp(photo: object): photo is Sharp {
	return ['clone', 'metadata', 'autoOrient', 'raw'].every((name) => typeof Reflect.get(photo, name) === 'function');
}

function sentence(text: string): string {
	const line = text.trim().split('\n')[0]!;
	return line.endsWith('.') ? line : `${line}.`;
}
