// Reads photos, in every form that programs hold them, as upright RGB pixels.
import { readFile } from 'node:fs/promises';
import sharp, { type Sharp, type SharpOptions } from 'sharp';
import { Arc2FaceError, shortened } from './errors.ts';
import type { Size } from './geometry.ts';
import type { Sentence } from './messages/wording.ts';
import { isArrayBuffer, isBlob, isBytes, isPromise, isStream, isUint8Array, isUrl } from './options/brands.ts';
import { describe, invalid } from './options/check.ts';
import { pathOf } from './options/path.ts';
import { again, type Content, contentOf, endBytes, startBytes } from './photo/content.ts';
import { openPhoto, type PhotoFile, type PhotoName, unreadable } from './photo/file.ts';
import type { Photo, RawPhoto } from './photo/forms.ts';

/** RGB, 8 bits, row-major. */
export interface Pixels extends PhotoName {
	data: Uint8Array;
	width: number;
	height: number;
}

/** More than any camera's at the time of writing; limits what a small file can make us allocate (600 MB). */
const pixelLimit = 200_000_000;

/** Bytes of a file that is held in memory as a whole, some times over. */
const fileLimit = 256_000_000;

/** As much as a JPEG's: and a hundred times what says where an image comes from. Reading far more would take minutes, in which nothing else runs. */
const xmpLimit = 65_536;

/** Photos, as opposed to drawings (SVG) and documents (PDF), which libvips also opens. */
const formats = ['jpeg', 'png', 'webp', 'heif', 'gif', 'tiff', 'jp2', 'jxl', 'raw'];

/**
 * Decodes a photo: turned upright as its EXIF orientation says, converted to sRGB, 8 bits, without alpha. Only the first
 * frame of an animation is used.
 *
 * @param how.option - what the call names it (default `photo`)
 * @param how.background - what is transparent becomes this (default white)
 * @throws {Arc2FaceError} `INVALID_IMAGE` if it can't be read or decoded, or has over 200 million pixels;
 *   `INVALID_ARGUMENT` if it is not a photo at all
 */
export async function readPhoto(
	photo: Photo,
	{ option = 'photo', background = 'white' }: { option?: string; background?: 'white' | 'black' } = {},
): Promise<Pixels> {
	return await open(photo, option, (image, name) => decode(image, name, background));
}

async function decode(image: Sharp, { name, photo }: PhotoName, background: 'white' | 'black'): Promise<Pixels> {
	const { data, info } = await image
		.autoOrient()
		.flatten({ background })
		.toColourspace('srgb')
		.raw({ depth: 'uchar' })
		.toBuffer({ resolveWithObject: true });
	if (info.channels !== 3) throw new Error(`it has ${info.channels} channels after conversion to RGB`);
	return { name, photo, data, width: info.width, height: info.height };
}

/** A file of an image: what is in it, and its pixels when they are asked for. */
export type ImageFile = PhotoName &
	Readonly<{
		bytes: Uint8Array;
		/** In sharp's words. */
		format: string;
		/** Undefined also where it has over 64 KB. */
		xmp: string | undefined;
		/** @throws {Arc2FaceError} `INVALID_IMAGE` */
		pixels: () => Promise<Pixels>;
	}>;

/**
 * Reads a file for what is in it besides the image.
 *
 * @throws {Arc2FaceError} as `checkPhoto` does; `INVALID_IMAGE` also for a file of over 256 MB; `INVALID_ARGUMENT` also for pixels, which are no file
 */
export async function readImageFile(photo: Photo): Promise<ImageFile> {
	return await open(photo, 'photo', async (image, source) => {
		if (source.bytes === undefined) {
			throw invalid(
				'a file or its bytes',
				'photo',
				'pixels',
				'Pixels have no metadata: pass the file that they are from.',
			);
		}
		if (source.file !== undefined && source.file.length > fileLimit) {
			throw unreadable(source, `it has over ${fileLimit / 1e6} MB, more than is looked through for marks`);
		}
		const { format, xmp } = await image.metadata();
		return {
			...{ name: source.name, photo: source.photo, bytes: await source.bytes(), format },
			xmp: xmp && xmp.length <= xmpLimit ? xmp.toString() : undefined,
			pixels: () => explaining(source, () => decode(source.image(), source, 'white')),
		};
	});
}

/**
 * Reads only a photo's header, to find missing files and non-photos before long work begins.
 *
 * @returns its size when it is upright
 * @throws {Arc2FaceError} as `readPhoto` does
 */
export async function checkPhoto(photo: Photo, option = 'photo'): Promise<Size> {
	return await open(photo, option, async (image) => (await image.metadata()).autoOrient);
}

/** A photo before it is decoded; for a file, also both its ends. */
type Source = PhotoName & Readonly<{ image: () => Sharp; file?: PhotoFile; bytes?: () => Promise<Uint8Array> }>;

async function open<T>(photo: Photo, option: string, read: (image: Sharp, source: Source) => Promise<T>): Promise<T> {
	const source = await locate(photo, option);
	const content = source.file && contentOf(source.file.start);
	if (content !== undefined && !isRead(content)) {
		const why = `it is ${content.what}, and only JPEG, PNG, WebP, AVIF, GIF and TIFF files are read`;
		throw unreadable(source, why, { remedy: content.remedy });
	}
	return await explaining(source, async () => {
		const image = source.image();
		const { format, width, height } = await image.metadata();
		if (!formats.includes(format)) throw unreadable(source, `it is of the format ${format}`, { remedy: asPhoto });
		if (width * height > pixelLimit) {
			const millions = (pixels: number) => `${Math.ceil(pixels / 1e6)} million pixels`;
			const why = `it has ${millions(width * height)}, more than ${millions(pixelLimit)}`;
			throw unreadable(source, why, { remedy: 'Make it smaller.' });
		}
		return await read(image, source);
	});
}

async function explaining<T>(source: Source, read: () => Promise<T>): Promise<T> {
	try {
		return await read();
	} catch (cause) {
		if (cause instanceof Arc2FaceError) throw cause;
		throw undecodable(source, source.file && contentOf(source.file.start), cause as Error);
	}
}

/** Why sharp could not decode an image: the file's content tells more than the decoder does. */
function undecodable(source: Source, content: Content | undefined, cause: Error): Arc2FaceError {
	if (source.file === undefined) {
		const [line = ''] = cause.message.trim().split('\n');
		return unreadable(source, line.replace(/\.$/, ''), { cause });
	}
	if (content === undefined) {
		return unreadable(source, 'it is no image of a format that is known here', { remedy: asPhoto, cause });
	}
	if (content.isCut?.(source.file.end)) {
		return unreadable(source, `it is ${content.what} whose end is missing`, { remedy: again, cause });
	}
	return unreadable(source, `it is ${content.what} that is damaged, or of a kind that is not read here`, {
		remedy: `${again} If it opens in an image editor, save it anew as JPEG or PNG.`,
		cause,
	});
}

const asPhoto: Sentence = ({ either }) =>
	`Pass a JPEG, PNG, WebP, AVIF, GIF or TIFF file${either(', its bytes, or raw pixels', '')}.`;

/** From sharp's own table, because a sharp built with another libvips reads more. */
function isRead({ suffix }: Content): boolean {
	if (suffix === undefined) return false;
	return Object.values(sharp.format).some(({ input }) => input?.fileSuffix?.includes(suffix));
}

async function locate(photo: Photo, option: string): Promise<Source> {
	// Damage that a decoder can repair passes; the rest fails. The number of pixels is checked here, with a reason.
	const limits = { limitInputPixels: false, failOn: 'error' } as const;
	if (typeof photo === 'string' || isUrl(photo)) return await locateFile(photo, option, limits);
	if (typeof photo !== 'object' || photo === null) throw notAPhoto(photo, option);
	const bytes = await bytesOf(photo);
	if (bytes !== undefined) {
		const { length } = bytes;
		const file = { all: bytes, start: bytes.subarray(0, startBytes), end: bytes.subarray(-endBytes), length };
		return {
			...(ownName(photo) ?? named(`the photo of ${bytes.length} bytes`)),
			...{ image: () => sharp(bytes, limits), bytes: async () => bytes },
			file,
		};
	}
	if (isSharp(photo)) return { ...named("the sharp instance's image"), image: () => photo.clone() };
	if ('data' in photo) {
		const { data, width, height, channels } = checkRaw(photo);
		const raw = { raw: { width, height, channels }, ...limits };
		return { ...named(`the photo of ${width} × ${height} pixels`), image: () => sharp(ownBytes(data), raw) };
	}
	throw notAPhoto(photo, option);
}

async function locateFile(photo: string | URL, option: string, limits: SharpOptions): Promise<Source> {
	const text = String(photo);
	if (/^(https?|data|blob):/i.test(text)) throw notHere(photo, option);
	const path = pathOf(photo, option);
	const name = namedAs(path);
	const file = await openPhoto(path, name);
	return {
		...{ ...name, image: () => sharp(file.all ?? path, limits), file },
		bytes: async () => file.all ?? (await readFile(path)),
	};
}

/** The error about a remote URL: nothing here uses the network. */
function notHere(photo: string | URL, option: string): Arc2FaceError {
	const remedy: Sentence = ({ either }) =>
		`Pass the bytes that are there: ${either('`await (await fetch(url)).arrayBuffer()`', '`curl URL`, into a photo named -')}.`;
	const text = shortened(String(photo), 200);
	if (isUrl(photo)) return invalid('a path or a file: URL', option, text, remedy);
	return unreadable({ name: `the photo ${text}`, photo: text }, 'it is an address, not a file', { remedy });
}

/** The bytes of an image file, in memory that sharp accepts. */
async function bytesOf(photo: object): Promise<Buffer | undefined> {
	if (isUint8Array(photo)) return ownBytes(photo);
	if (isArrayBuffer(photo)) return ownBytes(new Uint8Array(photo));
	if (!isBlob(photo)) return undefined;
	const bytes = await photo.arrayBuffer().catch((cause: unknown) => {
		throw unreadable(ownName(photo) ?? named(`the photo of ${photo.size} bytes`), 'its Blob can no longer be read', {
			cause,
		});
	});
	return Buffer.from(bytes);
}

/** A Buffer of this realm, the only kind that sharp accepts; a copy if other threads may change it. */
function ownBytes({ buffer, byteOffset, byteLength }: Uint8Array | Uint8ClampedArray): Buffer {
	const bytes = Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
	return Object.prototype.toString.call(buffer) === '[object SharedArrayBuffer]' ? Buffer.from(bytes) : bytes;
}

/** That of a `File`. */
function ownName(photo: object): PhotoName | undefined {
	const { name } = photo as Partial<File>;
	return isBlob(photo) && typeof name === 'string' && name !== '' ? namedAs(name) : undefined;
}

function namedAs(path: string): PhotoName {
	return { name: `the photo ${shortened(path, 200)}`, photo: shortened(path, 4096) };
}

function named(name: string): PhotoName {
	return { name, photo: name };
}

function notAPhoto(received: unknown, option: string): Arc2FaceError {
	return invalid(
		'a path, a file: URL, the bytes of an image file, a Blob, { data, width, height, channels } or a sharp instance',
		option,
		describe(received),
		collecting(received),
	);
}

/** How to get the bytes out of an object that provides them indirectly. */
function collecting(received: unknown): string | undefined {
	if (isPromise(received)) return 'Await it first.';
	if (isStream(received)) return 'Collect it first: `await buffer(stream)`, from node:stream/consumers.';
	const isBody = typeof (received as Partial<Response> | null | undefined)?.arrayBuffer === 'function';
	return isBody ? 'Pass its bytes: `await response.arrayBuffer()`.' : undefined;
}

function checkRaw(photo: RawPhoto): RawPhoto {
	const { data, width, height, channels } = photo;
	const fail = (expected: string, field: string, received: string, remedy?: string) => {
		const problem = `Expected ${expected} for \`${field}\` of a photo but received ${received}.`;
		throw new Arc2FaceError('INVALID_IMAGE', problem, { remedy });
	};
	if (!isBytes(data)) fail('a Uint8Array', 'data', describe(data));
	for (const [field, value] of Object.entries({ width, height })) {
		if (!Number.isInteger(value) || value < 1) fail('an integer of at least 1', field, describe(value));
	}
	if (![1, 3, 4].includes(channels)) {
		fail(
			'1, 3 or 4',
			'channels',
			describe(channels),
			'An ImageData has 4: pass `{ data, width, height, channels: 4 }`.',
		);
	}
	const bytes = width * height * channels;
	if (data.length !== bytes) fail(`${bytes} bytes (${width} · ${height} · ${channels})`, 'data', String(data.length));
	return photo;
}

/** Told by its methods, since it may come from another copy of sharp. */
function isSharp(photo: object): photo is Sharp {
	return ['clone', 'metadata', 'autoOrient', 'raw'].every((name) => typeof Reflect.get(photo, name) === 'function');
}
