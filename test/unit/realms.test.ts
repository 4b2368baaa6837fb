// Values from another realm, as test runners and `node:vm` make them, and other forms of photos and files in programs.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Identity } from '../../lib/identity.ts';
import { GeneratedImage } from '../../lib/image.ts';
import { resolveEncodeOptions } from '../../lib/options/faces.ts';
import { resolveGenerateOptions } from '../../lib/options/generate.ts';
import { resolveLoadOptions } from '../../lib/options/load.ts';
import { readPhoto } from '../../lib/photo.ts';

const realm = createContext({});
const there = (code: string) => runInContext(code, realm);
const geometry = { width: 64, height: 64, pixelsPerLatent: 8 };
const generate = (options: object) => resolveGenerateOptions(options, 1, geometry);

let folder: string;
let png: Buffer;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'arc2face-realms-'));
	png = await sharp({ create: { width: 5, height: 4, channels: 3, background: 'teal' } })
		.png()
		.toBuffer();
});
afterAll(() => rm(folder, { recursive: true }));

test('the other realm is another one', () => {
	expect(there('new Float32Array(1)')).not.toBeInstanceOf(Float32Array);
});

describe('of another realm', () => {
	test('latents, options, seeds and sizes are taken', () => {
		const latents = there('new Float32Array(256).fill(0.5)');
		expect(generate({ latents }).latents).toBe(latents);
		const { seeds, steps } = generate(there('({ seed: [7], steps: 3 })'));
		expect([seeds.of(0, 1), steps]).toEqual([7, 3]);
		expect(resolveLoadOptions(there('({ batchSizes: [2, 1] })')).shapes.batchSizes).toEqual([1, 2]);
	});

	test('identities are taken: numbers, their arrays, JSON', () => {
		const expected = Identity.from(Array.from({ length: 512 }, (_, i) => i + 1)).embedding;
		const numbers = 'Float32Array.from({ length: 512 }, (_, i) => i + 1)';
		for (const value of [
			numbers,
			`Array.from(${numbers})`,
			`({ embedding: ${numbers} })`,
			`new Float64Array(${numbers})`,
		]) {
			expect(Identity.from(there(value)).embedding).toEqual(expected);
		}
		expect(() => Identity.from(there('Promise.resolve([])'))).toThrow('Await it first');
	});

	test('bytes and pixels of photos are taken', async () => {
		const bytes = there(`Uint8Array.from([${[...png]}])`);
		for (const photo of [bytes, bytes.buffer]) expect(await readPhoto(photo)).toMatchObject({ width: 5, height: 4 });
		for (const type of ['Uint8Array', 'Uint8ClampedArray']) {
			const pixels = there(`({ data: new ${type}(12).fill(9), width: 2, height: 2, channels: 3 })`);
			expect((await readPhoto(pixels)).data).toEqual(Buffer.alloc(12, 9));
		}
	});

	test('keypoints are taken', () => {
		const keypoints = there('[[1, 2], [3, 4], [5, 6], [7, 8], [9, 10]]');
		expect(resolveEncodeOptions({ face: keypoints }).face).toEqual({ keypoints });
	});

	test('signals and URLs are known by what they are', () => {
		// As in packages and test environments: the same tag and calls, another class.
		class AbortSignal extends EventTarget {
			aborted = false;
			reason = undefined;
			throwIfAborted() {}
			get [Symbol.toStringTag]() {
				return 'AbortSignal';
			}
		}
		const signal = new AbortSignal() as unknown as globalThis.AbortSignal;
		expect(generate({ signal }).signal).toBe(signal);
		expect(() => generate({ signal: { aborted: false } })).toThrow('Expected an AbortSignal for `signal`');
	});

	test('what does not fit is told of as its own kind', () => {
		expect(() => generate({ latents: there('new Float64Array(256)') })).toThrow('received a Float64Array');
		expect(() => generate({ seed: there('({ from: 7 })') })).toThrow('received { from: 7 }');
	});
});

describe('a photo may be', () => {
	test('a Blob or a File', async () => {
		const size = { width: 5, height: 4 };
		expect(await readPhoto(new Blob([png]))).toMatchObject({ name: `the photo of ${png.length} bytes`, ...size });
		expect(await readPhoto(new File([png], 'anna.png'))).toMatchObject({ name: 'the photo anna.png', ...size });
	});

	test('on memory that threads share: bytes, a view of them, pixels', async () => {
		const shared = new SharedArrayBuffer(png.length);
		new Uint8Array(shared).set(png);
		const pixels = { data: new Uint8Array(new SharedArrayBuffer(12)), width: 2, height: 2, channels: 3 } as const;
		for (const photo of [shared, new Uint8Array(shared)]) expect(await readPhoto(photo)).toMatchObject({ width: 5 });
		expect((await readPhoto(pixels)).data).toEqual(Buffer.alloc(12));
	});
});

describe('a path may be a file: URL', () => {
	const url = (path: string) => pathToFileURL(path);

	test('for the bundle and the cache', () => {
		const options = { bundle: url('/models/my own'), cacheDir: String(url('/var/my cache')) };
		expect(resolveLoadOptions(options)).toMatchObject({
			bundle: resolve('/models/my own'),
			cacheDir: resolve('/var/my cache'),
		});
		expect(resolveLoadOptions({ bundle: 'tiny', cacheDir: './cache' })).toMatchObject({
			bundle: 'tiny',
			cacheDir: './cache',
		});
	});

	test('for an image', async () => {
		const image = new GeneratedImage(new Uint8Array(12), { width: 2, height: 2 }, 1, 0, { provenance: false });
		const path = join(folder, 'a portrait.png');
		expect(await image.toFile(url(path))).toBe(path);
		expect(await image.toFile(String(url(path)))).toBe(path);
		expect(await readPhoto(url(path))).toMatchObject({ width: 2, height: 2 });
	});

	test.each([
		['of the web', new URL('https://example.org/a.png')],
		['of another machine', 'file://server/a.png'],
		['with a NUL', 'a\0.png'],
		['that is none', 7],
	])('but none %s', async (_, path) => {
		const image = new GeneratedImage(new Uint8Array(12), { width: 2, height: 2 }, 1, 0, { provenance: false });
		const refused = { code: 'INVALID_ARGUMENT', details: { option: 'path' } };
		await expect(image.toFile(path as string)).rejects.toMatchObject(refused);
		expect(() => resolveLoadOptions({ bundle: path as string })).toThrow('Expected a path or a file: URL for `bundle`');
	});
});
