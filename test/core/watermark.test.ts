// The invisible watermark, on one photo and on what has no details. How much it survives on how many images: benchmarks/watermark.
import { fileURLToPath } from 'node:url';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, test } from 'vitest';
import { loadNative } from '../../lib/native.ts';
import {
	embedWatermark,
	type ImagePixels,
	readWatermark,
	watermarkPayloadSide,
} from '../../lib/provenance/watermark.ts';
import { astronaut } from '../photo.ts';

const photo = await astronaut();
const payload = Uint8Array.of(0x00, 0xff, 0x12, 0xa5, 0x80, 0x7e);

const sharpOf = ({ data, width, height }: ImagePixels) => sharp(data, { raw: { width, height, channels: 3 } });

async function pixelsOf(image: Sharp): Promise<ImagePixels> {
	const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
	expect(info.channels).toBe(3);
	return { data, width: info.width, height: info.height };
}

const marked = async (image: ImagePixels, bytes?: Uint8Array) => ({
	...image,
	data: await embedWatermark(image, bytes),
});
const resized = (image: ImagePixels, side: number) =>
	pixelsOf(sharpOf(image).resize(side, side, { kernel: 'lanczos3' }));
const plain = (level: number, side: number) => ({
	data: new Uint8Array(3 * side * side).fill(level),
	width: side,
	height: side,
});

function psnr(a: Uint8Array, b: Uint8Array): number {
	expect(a).toHaveLength(b.length);
	const squares = a.reduce((sum, level, i) => sum + (level - b[i]!) ** 2, 0);
	return 10 * Math.log10((255 ** 2 * a.length) / squares);
}

const portrait = await pixelsOf(sharp(fileURLToPath(new URL('../fixtures/faces/person-00-0.jpg', import.meta.url))));
const withMark = await marked(photo, payload);

describe('a marked photo', () => {
	test('differs from the photo by no more than 42 dB, and the photo is as it was', async () => {
		const before = photo.data.slice();
		const { data } = await marked(photo, payload);
		expect(Buffer.compare(photo.data, before)).toBe(0);
		expect(Buffer.compare(data, withMark.data)).toBe(0);
		expect(psnr(data, photo.data)).toBeGreaterThanOrEqual(42);
	});

	test('has the colours of the photo: all channels change alike where none is at its end', () => {
		const inside = Array.from({ length: photo.data.length / 3 }, (_, i) => 3 * i).filter((at) =>
			[0, 1, 2].every((c) => photo.data[at + c]! > 40 && photo.data[at + c]! < 215),
		);
		expect(inside.length).toBeGreaterThan(10_000);
		const isAlike = (at: number) => {
			const [red, green, blue] = [0, 1, 2].map((c) => withMark.data[at + c]! - photo.data[at + c]!);
			return red === green && green === blue;
		};
		expect(inside.filter((at) => !isAlike(at))).toEqual([]);
	});

	test.each<[string, (image: Sharp) => Sharp]>([
		['nothing', (image) => image],
		['JPEG of quality 60', (image) => image.jpeg({ quality: 60 })],
		['WebP of quality 60', (image) => image.webp({ quality: 60 })],
		['AVIF of quality 60', (image) => image.avif({ quality: 60 })],
		['halving', (image) => image.resize(256, 256)],
		['scaling by 0.61', (image) => image.resize(312, 312)],
		['scaling by 1.37', (image) => image.resize(701, 701)],
		['doubling', (image) => image.resize(1024, 1024)],
		['cropping a tenth of each side', (image) => image.extract({ left: 51, top: 51, width: 410, height: 410 })],
		['cropping any part', (image) => image.extract({ left: 37, top: 90, width: 400, height: 333 })],
		['less brightness', (image) => image.linear(0.8, 0)],
		['more brightness', (image) => image.linear(1.2, 0)],
		['less contrast', (image) => image.linear(0.8, 25.5)],
		['more contrast', (image) => image.linear(1.2, -25.5)],
	])('is read after %s', async (_, change) => {
		const changed = await pixelsOf(sharp(await change(sharpOf(withMark)).toFormat('png').toBuffer()));
		const found = await readWatermark(changed);
		expect(found?.payload && [...found.payload]).toEqual([...payload]);
		expect(found?.falseAlarm).toBeLessThanOrEqual(1e-6);
	});

	test('has zeros without a payload', async () => {
		const found = await readWatermark(await marked(photo));
		expect(found?.payload && [...found.payload]).toEqual([0, 0, 0, 0, 0, 0]);
	});
});

describe('of another size', () => {
	test.each([
		[640, 360],
		[400, 517],
	])('%d × %d is read', async (width, height) => {
		const image = await pixelsOf(sharpOf(photo).resize(width, height));
		const found = await readWatermark(await marked(image, payload));
		expect(found?.payload && [...found.payload]).toEqual([...payload]);
	});

	test.each([96, 112, watermarkPayloadSide - 1])(
		'%d pixels: the code alone, also after JPEG of quality 80',
		async (side) => {
			const image = await resized(portrait, side);
			const { data } = await marked(image, payload);
			expect(psnr(data, image.data)).toBeGreaterThanOrEqual(42);
			const jpeg = await pixelsOf(
				sharp(
					await sharpOf({ ...image, data })
						.jpeg({ quality: 80 })
						.toBuffer(),
				),
			);
			for (const one of [{ ...image, data }, jpeg]) {
				const found = await readWatermark(one);
				expect(found?.falseAlarm).toBeLessThanOrEqual(1e-6);
				expect(found?.payload).toBeUndefined();
			}
		},
	);

	test.each([
		[1, 1],
		[15, 512],
		[16, 16],
		[1000, 3],
	])('%d × %d may be too small for a mark', async (width, height) => {
		const image = { data: new Uint8Array(3 * width * height).fill(90), width, height };
		const { data } = await marked(image, payload);
		expect(data).toHaveLength(image.data.length);
		expect(await readWatermark({ ...image, data })).toBeUndefined();
	});
});

describe('without details', () => {
	test.each([0, 1, 128, 254, 255])('of level %d is marked, by few levels, and read', async (level) => {
		const image = plain(level, 512);
		const one = await marked(image, payload);
		expect(one.data.reduce((most, value) => Math.max(most, Math.abs(value - level)), 0)).toBeLessThanOrEqual(5);
		const found = await readWatermark(one);
		expect(found?.payload && [...found.payload]).toEqual([...payload]);
	});
});

describe('no mark is found in', () => {
	test.each<[string, () => Promise<ImagePixels> | ImagePixels]>([
		['a photo', () => photo],
		['a photo of another size', () => resized(photo, 300)],
		['a small photo', () => resized(photo, 96)],
		['one level', () => plain(77, 512)],
		[
			'a checkerboard',
			() => ({
				...plain(0, 256),
				data: Uint8Array.from(
					{ length: 3 * 256 * 256 },
					(_, i) => ((Math.floor(i / 24) + Math.floor(i / 768 / 8)) & 1) * 255,
				),
			}),
		],
	])('%s', async (_, image) => {
		expect(await readWatermark(await image())).toBeUndefined();
	});
});

describe('is refused', () => {
	test.each([0, 5, 7])('a payload of %d bytes', async (length) => {
		await expect(embedWatermark(photo, new Uint8Array(length))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
	});

	test('pixels of another count than the sides say', async () => {
		const wrong = { ...photo, width: photo.width - 1 };
		await expect(embedWatermark(wrong)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
		await expect(readWatermark(wrong)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
	});

	test('an image without pixels', async () => {
		const none = { data: new Uint8Array(), width: 0, height: 4 };
		await expect(embedWatermark(none)).rejects.toMatchObject({ code: 'INVALID_IMAGE' });
		await expect(readWatermark(none)).rejects.toMatchObject({ code: 'INVALID_IMAGE' });
	});

	test('what was stopped, with the reason', async () => {
		const signal = AbortSignal.abort(new Error('enough'));
		await expect(embedWatermark(photo, payload, signal)).rejects.toThrow('enough');
		await expect(readWatermark(photo, signal)).rejects.toThrow('enough');
	});
});

test('pixels may be written to as soon as the call has begun', async () => {
	const mine = { ...photo, data: photo.data.slice() };
	const call = embedWatermark(mine, payload);
	mine.data.fill(0);
	expect(Buffer.compare(await call, withMark.data)).toBe(0);
});

test('calls at once are each their own', async () => {
	const payloads = [1, 2, 3].map((byte) => new Uint8Array(6).fill(byte));
	const images = await Promise.all(payloads.map((one) => marked(photo, one)));
	const found = await Promise.all(images.map((image) => readWatermark(image)));
	expect(found.map((one) => one?.payload && [...one.payload])).toEqual(payloads.map((one) => [...one]));
});

test('the addon has both', () => {
	expect(loadNative()).toMatchObject({ embedWatermark: expect.any(Function), readWatermark: expect.any(Function) });
});
