// Photos as input, and images as files.
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GeneratedImage } from '../../lib/image.ts';
import type { Photo } from '../../lib/photo/forms.ts';
import { readPhoto } from '../../lib/photo.ts';

let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'arc2face-image-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** 4 × 2 pixels, all different, in colours that a lossless format keeps. */
const width = 4;
const height = 2;
const rgb = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 11) % 256);
const picture = () => sharp(rgb, { raw: { width, height, channels: 3 } });
const flat = (channels: 1 | 2 | 3 | 4, values: number[]) =>
	sharp(
		Uint8Array.from({ length: 4 * channels }, (_, i) => values[i % channels]!),
		{ raw: { width: 2, height: 2, channels } },
	);

describe('a photo may be', () => {
	test('a path, a file: URL, or its text', async () => {
		const path = join(folder, 'a photo.png');
		await picture().png().toFile(path);
		for (const photo of [path, pathToFileURL(path), String(pathToFileURL(path))]) {
			expect(await readPhoto(photo)).toMatchObject({ data: Buffer.from(rgb), width, height });
		}
	});

	test('encoded bytes: a Buffer, a Uint8Array into the middle of another, an ArrayBuffer', async () => {
		const bytes = await picture().png().toBuffer();
		const padded = new Uint8Array(bytes.length + 20);
		padded.set(bytes, 10);
		const copy = new Uint8Array(bytes).buffer;
		for (const photo of [bytes, padded.subarray(10, 10 + bytes.length), copy]) {
			expect((await readPhoto(photo)).data).toEqual(Buffer.from(rgb));
		}
	});

	test('pixels: RGB, RGB with alpha, grey', async () => {
		expect((await readPhoto({ data: rgb, width, height, channels: 3 })).data).toEqual(Buffer.from(rgb));
		const rgba = Uint8Array.of(10, 20, 30, 255, 10, 20, 30, 0);
		const onWhite = await readPhoto({ data: rgba, width: 2, height: 1, channels: 4 });
		expect([...onWhite.data]).toEqual([10, 20, 30, 255, 255, 255]);
		const grey = await readPhoto({ data: new Uint8ClampedArray([0, 77]), width: 1, height: 2, channels: 1 });
		expect([...grey.data]).toEqual([0, 0, 0, 77, 77, 77]);
	});

	test('a sharp instance, which stays usable', async () => {
		const instance = picture().extract({ left: 1, top: 0, width: 2, height: 2 });
		expect(await readPhoto(instance)).toMatchObject({ width: 2, height: 2 });
		expect(await readPhoto(instance)).toMatchObject({ width: 2, height: 2 });
		expect([...(await readPhoto(instance)).data.subarray(0, 3)]).toEqual([...rgb.subarray(3, 6)]);
	});
});

describe('a photo is turned, converted and flattened', () => {
	test.each([1, 2, 3, 4, 5, 6, 7, 8])('EXIF orientation %d', async (orientation) => {
		const bytes = await picture().png().withMetadata({ orientation }).toBuffer();
		const upright = await readPhoto(bytes);
		expect([upright.width, upright.height]).toEqual(orientation > 4 ? [height, width] : [width, height]);
		// Where the first stored pixel ends up: https://www.media.mit.edu/pia/Research/deepview/exif.html, tag 0x0112.
		const [right, bottom] = [
			[false, false],
			[true, false],
			[true, true],
			[false, true],
			[false, false],
			[true, false],
			[true, true],
			[false, true],
		][orientation - 1]!;
		const at = ((bottom ? upright.height - 1 : 0) * upright.width + (right ? upright.width - 1 : 0)) * 3;
		expect([...upright.data.subarray(at, at + 3)]).toEqual([...rgb.subarray(0, 3)]);
	});

	test('16 bits per channel', async () => {
		const bytes = await picture().toColourspace('rgb16').png().toBuffer();
		expect((await sharp(bytes).metadata()).depth).toBe('ushort');
		expect((await readPhoto(bytes)).data).toEqual(Buffer.from(rgb));
	});

	test('grey, with and without alpha', async () => {
		const grey = await flat(1, [100]).toColourspace('b-w').png().toBuffer();
		expect([...(await readPhoto(grey)).data]).toEqual(new Array(12).fill(100));
		const clear = await flat(2, [100, 0]).toColourspace('b-w').png().toBuffer();
		expect([...(await readPhoto(clear)).data]).toEqual(new Array(12).fill(255));
	});

	test('CMYK', async () => {
		const bytes = await flat(3, [200, 30, 30]).toColourspace('cmyk').jpeg().toBuffer();
		expect((await sharp(bytes).metadata()).space).toBe('cmyk');
		const [red, green, blue] = (await readPhoto(bytes)).data;
		// Inks reach fewer colours, and JPEG loses some: still clearly red.
		expect(red! - Math.max(green!, blue!)).toBeGreaterThan(100);
	});

	test('an animation: its first frame', async () => {
		const frames = Buffer.concat([Buffer.alloc(2 * 2 * 3, 250), Buffer.alloc(2 * 2 * 3, 5)]);
		const bytes = await sharp(frames, { raw: { width: 2, height: 4, channels: 3, pageHeight: 2 } })
			.gif()
			.toBuffer();
		expect((await sharp(bytes).metadata()).pages).toBe(2);
		const { data, ...size } = await readPhoto(bytes);
		expect(size).toMatchObject({ width: 2, height: 2 });
		expect([...data].every((value) => value > 200)).toBe(true);
	});

	test('one pixel', async () => {
		const bytes = await sharp(Uint8Array.of(1, 2, 3), { raw: { width: 1, height: 1, channels: 3 } })
			.png()
			.toBuffer();
		expect(await readPhoto(bytes)).toMatchObject({ data: Buffer.of(1, 2, 3), width: 1, height: 1 });
	});
});

describe('a generated image', () => {
	const image = new GeneratedImage(rgb, { width, height }, 42, 1, { provenance: false }); // marks: test/core

	test('knows itself', () => {
		expect(image).toMatchObject({ width, height, channels: 3, seed: 42, index: 1 });
		expect(image.data).toBe(rgb);
	});

	test('is short in a log', () => {
		expect(inspect(image)).toBe('GeneratedImage { width: 4, height: 2, seed: 42, index: 1 }');
	});

	test.each([
		['png', 'png'],
		['jpg', 'jpeg'],
		['jpeg', 'jpeg'],
		['webp', 'webp'],
		['avif', 'heif'],
	] as const)('becomes %s', async (format, nameInSharp) => {
		const metadata = await sharp(await image.toBuffer(format)).metadata();
		expect(metadata.format).toBe(nameInSharp);
		expect(metadata).toMatchObject({ width, height, channels: 3 });
	});

	test('is a PNG by default, without loss', async () => {
		expect((await readPhoto(await image.toBuffer())).data).toEqual(Buffer.from(rgb));
	});

	test('takes the options of the format', async () => {
		const [small, large] = [
			await image.toBuffer('jpeg', { quality: 5 }),
			await image.toBuffer('jpeg', { quality: 100 }),
		];
		expect(small.length).toBeLessThan(large.length);
	});

	test('is a sharp instance when asked', async () => {
		const { info } = await image.sharp().resize(8).png().toBuffer({ resolveWithObject: true });
		expect(info).toMatchObject({ width: 8, height: 4 });
	});

	test('goes to a file in the format of its name, over an older one, and leaves nothing else behind', async () => {
		const own = await mkdtemp(join(folder, 'files-'));
		const path = join(own, 'portrait.JPG');
		await writeFile(path, 'older');
		expect(await image.toFile(path)).toBe(path);
		expect((await sharp(path).metadata()).format).toBe('jpeg');
		expect(await readdir(own)).toEqual(['portrait.JPG']);
	});

	test('twice at once into one file: one of both, whole', async () => {
		const own = await mkdtemp(join(folder, 'twice-'));
		const path = join(own, 'portrait.png');
		const other = new GeneratedImage(new Uint8Array(rgb.length), { width, height }, 43, 0, { provenance: false });
		await Promise.all([image, other].map((one) => one.toFile(path)));
		const { data } = await readPhoto(path);
		expect([Buffer.from(rgb), Buffer.alloc(rgb.length)]).toContainEqual(data);
		expect(await readdir(own)).toEqual(['portrait.png']);
	});

	test.each([
		['an extension of no format', () => image.toFile('a.bmp'), 'INVALID_ARGUMENT', 'received "a.bmp"'],
		['no extension', () => image.toFile('portrait'), 'INVALID_ARGUMENT', 'received "portrait"'],
		['no path', () => image.toFile(7 as never), 'INVALID_ARGUMENT', '`path` but received 7'],
		['another format', () => image.toBuffer('gif' as never), 'INVALID_ARGUMENT', 'received "gif"'],
		[
			'a format that is no text',
			() => image.toBuffer({ id: 'png' } as never),
			'INVALID_ARGUMENT',
			'received { id: "png" }',
		],
		['options out of range', () => image.toBuffer('jpeg', { quality: 1000 }), 'INVALID_ARGUMENT', 'quality'],
		['a missing folder', () => image.toFile(join(folder, 'none', 'a.png')), 'FILE_FAILED', 'there is no such folder'],
		['a folder in its place', () => image.toFile(`${folder}/sub.png`), 'FILE_FAILED', 'sub.png'],
	])('refuses %s', async (_, write, code, culprit) => {
		await mkdir(`${folder}/sub.png`, { recursive: true });
		await expect(write()).rejects.toMatchObject({
			name: 'Arc2FaceError',
			code,
			message: expect.stringContaining(culprit),
		});
	});
});

describe('what is no photo is refused, by name', () => {
	const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
	const halfAFile = async () => {
		const jpeg = await sharp({
			create: {
				width: 64,
				height: 64,
				channels: 3,
				background: 'red',
				noise: { type: 'gaussian', mean: 128, sigma: 50 },
			},
		})
			.jpeg()
			.toBuffer();
		return jpeg.subarray(0, jpeg.length / 2);
	};
	/** The header of a PNG of 60000 × 60000 pixels, with the right checksum, and nothing after it. */
	const bomb = async () => {
		const png = await sharp({ create: { width: 1, height: 1, channels: 3, background: 'red' } })
			.png()
			.toBuffer();
		png.writeUInt32BE(60_000, 16);
		png.writeUInt32BE(60_000, 20);
		png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
		return png;
	};

	test.each<[string, () => Promise<unknown> | unknown, string, string]>([
		['a missing file', () => 'no/such/photo.jpg', 'INVALID_IMAGE', 'no/such/photo.jpg'],
		['a folder', () => tmpdir(), 'INVALID_IMAGE', `${tmpdir()}: it is a folder.`],
		['a URL of the web as text', () => 'https://example.com/a.jpg', 'INVALID_IMAGE', 'https://example.com/a.jpg'],
		['a URL of the web', () => new URL('https://example.com/a.jpg'), 'INVALID_ARGUMENT', 'https://example.com/a.jpg'],
		['an empty path', () => '', 'INVALID_ARGUMENT', 'received ""'],
		['no bytes', () => Buffer.alloc(0), 'INVALID_IMAGE', '0 bytes'],
		['other bytes', () => Buffer.from('not an image'), 'INVALID_IMAGE', '12 bytes'],
		['a drawing', () => svg, 'INVALID_IMAGE', 'a drawing (SVG)'],
		['half a file', halfAFile, 'INVALID_IMAGE', 'bytes'],
		['a decompression bomb', bomb, 'INVALID_IMAGE', '3600 million pixels'],
		[
			'too few pixels',
			() => ({ data: rgb, width: 5, height: 2, channels: 3 }),
			'INVALID_IMAGE',
			'Expected 30 bytes (5 · 2 · 3) for `data` of a photo but received 24',
		],
		['two channels', () => ({ data: rgb, width: 4, height: 3, channels: 2 }), 'INVALID_IMAGE', '`channels`'],
		['half a pixel', () => ({ data: rgb, width: 0.5, height: 16, channels: 3 }), 'INVALID_IMAGE', '`width`'],
		['no width', () => ({ data: rgb, height: 2, channels: 3 }), 'INVALID_IMAGE', '`width`'],
		['pixels that are no bytes', () => ({ data: [...rgb], width, height, channels: 3 }), 'INVALID_IMAGE', '`data`'],
		['nothing', () => undefined, 'INVALID_ARGUMENT', '`photo` but received undefined'],
		['null', () => null, 'INVALID_ARGUMENT', '`photo` but received null'],
		['a number', () => 7, 'INVALID_ARGUMENT', '`photo` but received 7'],
		['an empty object', () => ({}), 'INVALID_ARGUMENT', '`photo` but received an Object'],
		['a failing sharp instance', () => sharp(Buffer.from('x')), 'INVALID_IMAGE', 'sharp instance'],
	])('%s', async (_, photo, code, culprit) => {
		await expect(readPhoto((await photo()) as Photo)).rejects.toMatchObject({
			name: 'Arc2FaceError',
			code,
			message: expect.stringContaining(culprit),
		});
	});
});
