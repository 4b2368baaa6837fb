// What users get wrong, through the public API: each case with the code for programs and the culprit for people. Each
// module's own tests cover the rules in detail (options, photos, bundles, checkpoints).
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { writeRandomBundle } from '../../benchmarks/random-bundle/bundle.ts';
import { Arc2Face, type ErrorCode, type GeneratedImage, Identity } from '../../lib/index.ts';

let folder: string;
let bundle: string;
let model: Arc2Face;
let image: GeneratedImage;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'arc2face-bad-'));
	bundle = join(folder, 'bundle');
	await writeRandomBundle(bundle, { size: 'tiny' });
	model = await Arc2Face.load({ bundle });
	[image] = (await model.generate(numbers, { steps: 1 })) as [GeneratedImage];
});
afterAll(async () => {
	await model.dispose();
	await rm(folder, { recursive: true });
});
afterEach(() => vi.unstubAllEnvs());

const numbers = Array.from({ length: 512 }, (_, i) => Math.cos(i));
const pixel = { data: new Uint8Array(3), width: 1, height: 1, channels: 3 } as const;
const square = [
	[10, 10],
	[90, 10],
	[50, 50],
	[20, 90],
	[80, 90],
];
// biome-ignore lint/suspicious/noExplicitAny: the point is to pass what the types refuse
type Anything = any;
type Case = readonly [title: string, call: () => unknown, code: ErrorCode, culprit: string];

const generate = (options: Anything, identity: Anything = numbers) => model.generate(identity, options);
const encode = (photo: Anything, options?: Anything) => model.encode(photo, options);

const cases: Record<string, readonly Case[]> = {
	devices: [
		['a GPU that this build does not know', () => Arc2Face.load({ bundle, device: 'cuda' }), 'NO_DEVICE', '"cuda"'],
		['the seventh GPU', () => Arc2Face.load({ bundle, device: 'cuda:7' }), 'NO_DEVICE', '"cuda:7"'],
		['no device', () => Arc2Face.load({ bundle, device: 'tpu' as Anything }), 'INVALID_ARGUMENT', '`device`'],
		['a runtime that is not there', () => loadWithLibrary('/no/such/library.so'), 'NO_DEVICE', '/no/such/library.so'],
		['a runtime that is none', () => loadWithLibrary(`${bundle}/vae/config.json`), 'NO_DEVICE', 'vae/config.json'],
	],
	'load options': [
		['no object', () => Arc2Face.load('tiny' as Anything), 'INVALID_ARGUMENT', '`options`'],
		['a misspelt name', () => Arc2Face.load({ bundel: bundle } as Anything), 'INVALID_ARGUMENT', '`bundel`'],
		['a number for the bundle', () => Arc2Face.load({ bundle: 7 as Anything }), 'INVALID_ARGUMENT', '`bundle`'],
		['no threads', () => Arc2Face.load({ bundle, threads: 0 }), 'INVALID_ARGUMENT', '`threads`'],
		[
			'another precision',
			() => Arc2Face.load({ bundle, precision: 'int8' as Anything }),
			'INVALID_ARGUMENT',
			'`precision`',
		],
	],
	bundles: [
		['none of that name', () => Arc2Face.load({ bundle: 'nobody' }), 'INVALID_BUNDLE', '"nobody"'],
		['a missing folder', () => Arc2Face.load({ bundle: '/no/such/folder' }), 'INVALID_BUNDLE', '/no/such/folder'],
		['an empty folder', () => Arc2Face.load({ bundle: tmpdir() }), 'INVALID_BUNDLE', 'config.json'],
	],
	photos: [
		['nothing', () => encode(undefined), 'INVALID_ARGUMENT', '`photo`'],
		['a number', () => encode(7), 'INVALID_ARGUMENT', '`photo`'],
		['a missing file', () => encode('/no/such/photo.jpg'), 'INVALID_IMAGE', '/no/such/photo.jpg'],
		['a file of text', () => encode(`${bundle}/vae/config.json`), 'INVALID_IMAGE', 'vae/config.json'],
		['a folder', () => encode(tmpdir()), 'INVALID_IMAGE', tmpdir()],
		['no bytes', () => encode(new Uint8Array()), 'INVALID_IMAGE', '0 bytes'],
		['other bytes', () => encode(Buffer.alloc(999, 7)), 'INVALID_IMAGE', '999 bytes'],
		['a URL of the web', () => encode(new URL('http://localhost/a.jpg')), 'INVALID_ARGUMENT', 'http://localhost/a.jpg'],
		['too few pixels', () => encode({ ...pixel, width: 2 }), 'INVALID_IMAGE', '`data`'],
		['two channels', () => encode({ ...pixel, channels: 2 }), 'INVALID_IMAGE', '`channels`'],
		['a negative size', () => encode({ ...pixel, height: -1 }), 'INVALID_IMAGE', '`height`'],
		['one pixel, in which nobody is', () => encode(pixel), 'NO_FACE', 'no face'],
		['a photo without a face', async () => encode(await emptyPhoto()), 'NO_FACE', 'no face'],
	],
	faces: [
		['a word', () => encode(pixel, { face: 'left' }), 'INVALID_ARGUMENT', '`face`'],
		['four keypoints', () => encode(pixel, { face: square.slice(1) }), 'INVALID_ARGUMENT', '`face`'],
		['infinite keypoints', () => encode(pixel, { face: square.with(0, [Infinity, 0]) }), 'INVALID_ARGUMENT', '`face`'],
		[
			'keypoints in one place',
			() => encode(pixel, { face: square.map(() => [5, 5]) }),
			'INVALID_ARGUMENT',
			'keypoints',
		],
		['an odd detection size', () => model.detect(pixel, { detectionSize: 333 }), 'INVALID_ARGUMENT', '`detectionSize`'],
		['a threshold in per cent', () => model.detect(pixel, { threshold: 50 }), 'INVALID_ARGUMENT', '`threshold`'],
	],
	identities: [
		['nothing', () => generate({}, null), 'INVALID_ARGUMENT', 'null'],
		['nobody in a list', () => generate({}, []), 'INVALID_ARGUMENT', '`identity`'],
		['511 numbers', () => generate({}, numbers.slice(1)), 'INVALID_ARGUMENT', '511'],
		['NaN', () => generate({}, numbers.with(3, Number.NaN)), 'INVALID_ARGUMENT', 'NaN at index 3'],
		['zeros', () => generate({}, new Float32Array(512)), 'INVALID_ARGUMENT', 'zeros'],
		['a photo instead', () => generate({}, 'anna.jpg'), 'INVALID_ARGUMENT', '"anna.jpg"'],
		['one of two', () => generate({}, [Identity.from(numbers), [1, 2]]), 'INVALID_ARGUMENT', '2 of them'],
	],
	'generate options': [
		['no images', () => generate({ count: 0 }), 'INVALID_ARGUMENT', '`count`'],
		['too many images', () => generate({ count: 1e6 }), 'INVALID_ARGUMENT', '`count`'],
		['no steps', () => generate({ steps: 0 }), 'INVALID_ARGUMENT', '`steps`'],
		[
			'more steps than LCM has',
			() => generate({ steps: 51, sampler: 'lcm' }),
			'INVALID_ARGUMENT',
			'1 to 50 for `steps`',
		],
		['a sampler by another name', () => generate({ sampler: 'DPM++ 2M' }), 'INVALID_ARGUMENT', '`sampler`'],
		['eta without DDIM', () => generate({ eta: 1 }), 'INVALID_ARGUMENT', '`eta`'],
		['guidance as text', () => generate({ guidanceScale: '3' }), 'INVALID_ARGUMENT', '`guidanceScale`'],
		[
			'an interval from high to low',
			() => generate({ guidanceInterval: [5, 1] }),
			'INVALID_ARGUMENT',
			'`guidanceInterval`',
		],
		['a negative seed', () => generate({ seed: -1 }), 'INVALID_ARGUMENT', '`seed`'],
		['too few seeds', () => generate({ seed: [1], count: 2 }), 'INVALID_ARGUMENT', '`seed`'],
		['seeds of a batch', () => generate({ seed: [1, 2], count: 2, noise: 'batch' }), 'INVALID_ARGUMENT', '`seed`'],
		['a width between latents', () => generate({ width: 100 }), 'INVALID_ARGUMENT', '`width`'],
		['a huge height', () => generate({ height: 2 ** 20 }), 'INVALID_ARGUMENT', '`height`'],
		['latents of another size', () => generate({ latents: new Float32Array(7) }), 'INVALID_ARGUMENT', '`latents`'],
		[
			'a likeness out of range',
			() => generate({ check: { minSimilarity: 5 } }),
			'INVALID_ARGUMENT',
			'`check.minSimilarity`',
		],
		['a likeness alone', () => generate({ check: 0.5 }), 'INVALID_ARGUMENT', '`check`'],
		['a callback that is none', () => generate({ onStep: {} }), 'INVALID_ARGUMENT', '`onStep`'],
		['a misspelt name', () => generate({ guidance: 3 }), 'INVALID_ARGUMENT', '`guidance`'],
	],
	files: [
		['a missing folder', () => image.toFile('/no/such/folder/a.png'), 'FILE_FAILED', '/no/such/folder/a.png'],
		['a file as a folder', () => image.toFile(`${bundle}/vae/config.json/a.png`), 'FILE_FAILED', 'config.json'],
		['an unknown format', () => image.toFile('portrait.xyz'), 'INVALID_ARGUMENT', 'portrait.xyz'],
	],
};

function loadWithLibrary(path: string) {
	vi.stubEnv('ARC2FACE_ONNXRUNTIME', path);
	return Arc2Face.load({ bundle });
}

function emptyPhoto() {
	return sharp({ create: { width: 200, height: 100, channels: 3, background: 'grey' } })
		.png()
		.toBuffer();
}

describe.each(Object.entries(cases))('%s:', (_, some) => {
	test.each(some)('%s', async (_, call, code, culprit) => {
		const error = await (async () => call())().then(
			() => undefined,
			(thrown: unknown) => thrown,
		);
		expect(error).toMatchObject({ name: 'Arc2FaceError', code, message: expect.stringContaining(culprit) });
	});
});

test('and the model still works', async () => {
	expect(await model.generate(numbers, { steps: 1 })).toHaveLength(1);
});
