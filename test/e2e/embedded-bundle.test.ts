// The weights that come with the package, on people and scenes held out from training, as a newcomer sees them.
// `npm run bench:identity` measures all their requirements.
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readPeople } from '../../benchmarks/portraits/people.ts';
import { nearest } from '../../benchmarks/portraits/statistics.ts';
import { Arc2Face, type Face, type GeneratedImage, type Identity } from '../../lib/index.ts';
import { packageRoot } from '../../lib/package.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { maxAbsError } from '../golden.ts';
import { withEnvironment } from '../runtimes.ts';

type Truth = { scenes: { file: string; faces: Pick<Face, 'box' | 'keypoints'>[] }[] };

const bundle = join(packageRoot, 'models/tiny');
const faces = join(packageRoot, 'test/fixtures/faces');
const { scenes }: Truth = JSON.parse(await readFile(join(faces, 'faces.json'), 'utf8'));
const people = (await readPeople()).slice(0, 8);
const empty = temporaryFolder();

let model: Arc2Face;
let identities: Identity[][];
beforeAll(async () => {
	// If nothing was pulled, the embedded bundle is the default.
	await withEnvironment({ ARC2FACE_HOME: empty.path('.') }, async () => {
		model = await Arc2Face.load({ device: 'cpu', cacheDir: empty.path('cache') });
	});
	identities = await Promise.all(people.map(({ photos }) => Promise.all(photos.map(({ file }) => model.encode(file)))));
});
afterAll(() => model.dispose());

test('it is the default, and small enough to come along', async () => {
	expect(model.info.bundle).toBe(bundle);
	expect(Math.min(model.info.imageSize.width, model.info.imageSize.height)).toBeGreaterThanOrEqual(96);
	const files = (await readdir(bundle, { recursive: true, withFileTypes: true })).filter(
		(entry) => entry.isFile() && !entry.parentPath.startsWith(join(bundle, 'recipe')),
	);
	const sizes = await Promise.all(files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size));
	expect(sizes.reduce((a, b) => a + b)).toBeLessThanOrEqual(40_000_000);
});

describe('the detector', () => {
	test.each(scenes.map((scene) => [scene.file, scene.faces] as const))(
		'finds the faces of %s and no others',
		async (file, truth) => {
			const found = await model.detect(join(faces, file));
			expect(found.length).toBe(truth.length);
			for (const { box, keypoints } of truth) {
				const face = found.reduce((a, b) =>
					distance(centre(a.box), centre(box)) <= distance(centre(b.box), centre(box)) ? a : b,
				);
				expect(overlap(face.box, box)).toBeGreaterThan(0.5);
				const errors = keypoints.map((point, i) => distance(point, face.keypoints[i]!) / box.width);
				expect(errors.reduce((a, b) => a + b) / errors.length).toBeLessThan(0.1);
			}
		},
	);
});

test('photos of one person are alike, those of two are not', () => {
	for (const [i, own] of identities.entries()) {
		for (const identity of own.slice(1)) {
			const similarities = identities.map(([first]) => identity.similarity(first!));
			expect(nearest(similarities), `person ${i}`).toBe(i);
		}
	}
});

test('portraits are of the person, and each is another', async () => {
	let right = 0;
	for (const [i, [identity]] of identities.slice(0, 4).entries()) {
		const images = await model.generate(identity!, { count: 4, seed: 1 });
		for (const image of images) {
			const seen = await model.encode(image).catch(() => undefined);
			const similarities = identities.map(([other]) => seen?.similarity(other!) ?? -1);
			if (nearest(similarities) === i) right++;
		}
		expect(new Set(images.map(({ data }) => Buffer.from(data).toString('base64'))).size).toBe(images.length);
	}
	expect(right).toBeGreaterThanOrEqual(14);
});

describe('portraits that have to be alike', () => {
	const few = { count: 3, seed: 1, steps: 4 };
	const person = () => identities[0]![0]!;
	const codes = (image: GeneratedImage) => image.warnings.map(({ code }) => code);

	test('are read, and know how alike they are to whom they should show', async () => {
		const two = [person(), identities[1]![0]!];
		const images = await model.generate(two, { ...few, check: { minSimilarity: -1, tries: 1 } });
		for (const [i, image] of images.entries()) {
			const [own, other] = i < few.count ? two : two.toReversed();
			const seen = await model.encode(image);
			expect(image.similarity).toBe(own!.similarity(seen));
			expect(image.similarity!).toBeGreaterThan(other!.similarity(seen));
			expect(codes(image)).toEqual([]);
		}
	});

	test('are painted again where they are not, once or until they are', async () => {
		const first = await model.generate(person(), { ...few, check: { minSimilarity: -1, tries: 1 } });
		const second = await model.generate(person(), { ...few, seed: 4, check: { minSimilarity: -1, tries: 1 } });
		// Between the best of the first tries and the others.
		const [best, next] = first.map(({ similarity }) => similarity!).sort((a, b) => b - a);
		const minSimilarity = (best! + next!) / 2;
		const images = await model.generate(person(), { ...few, check: { minSimilarity, tries: 2 } });
		for (const [i, image] of images.entries()) {
			const tries = [first[i]!, second[i]!];
			const kept = tries.find(({ similarity }) => similarity! >= minSimilarity);
			const expected = kept ?? tries.reduce((a, b) => (b.similarity! > a.similarity! ? b : a));
			expect([image.index, image.seed]).toEqual([i, expected.seed]);
			// Other batches round otherwise, by a level.
			expect(image.similarity).toBeCloseTo(expected.similarity!, 1);
			expect(codes(image)).toEqual(kept ? [] : ['LOW_SIMILARITY']);
		}
		expect(images.some(({ seed }) => seed > 3)).toBe(true);
	});

	test('keep their places in the noise of a batch, and their recipes', async () => {
		const how = { ...few, noise: 'batch', sampler: 'dpm++2m-sde' } as const;
		const images = await model.generate(person(), { ...how, check: { minSimilarity: 1, tries: 2 } });
		expect(images.map(({ seed }) => seed)).toContain(2);
		for (const image of images) {
			const whole = await model.generate(person(), { ...how, seed: image.seed });
			const [again] = await model.generate({ recipe: await image.recipe() });
			// Other batches round otherwise, by a level.
			for (const same of [whole[image.index]!, again])
				expect(maxAbsError(image.data, same.data)).toBeLessThanOrEqual(1);
		}
	});
});

describe('a photo that lies on its side or stands on its head', () => {
	test.each([90, 180, 270] as const)('by %d°, is of the same person, and says so', async (angle) => {
		for (const [i, { photos }] of people.slice(0, 5).entries()) {
			const turned = await sharp(photos[0]!.file).rotate(angle).toBuffer();
			const identity = await model.encode(turned);
			expect(identity.similarity(identities[i]![0]!), `person ${i}`).toBeGreaterThan(0.98);
			expect(identity.face!.rotation).toBe(360 - angle);
			expect(identity.warnings.map(({ code }) => code)).toEqual(['TURNED_FACE']);
			// The face's place is in the original photo, and passing it back needs no further search.
			const [found] = await model.detect(turned);
			expect(found).toEqual({ ...identity.face, index: undefined, count: undefined });
			const again = await model.encode(turned, { face: found! });
			expect(again.embedding).toEqual(identity.embedding);
		}
	});
});

describe('a group photo in which the last person is upside down', () => {
	/** Photos of 160 × 160 pixels side by side, of which the last is upside down; what is seen: in which, turned by how much. */
	const seen = async (names: readonly string[], blurred = 0.3) => {
		const last = names.length - 1;
		const tiles = names.map((name, i) => sharp(join(faces, `${name}.jpg`)).rotate(i === last ? 180 : 0));
		const inputs = await Promise.all(tiles.map((tile, i) => (i === last ? tile : tile.blur(blurred)).toBuffer()));
		const group = sharp({ create: { width: 160 * names.length, height: 160, channels: 3, background: 'grey' } });
		const composed = group.composite(inputs.map((input, i) => ({ input, left: 160 * i, top: 0 })));
		const found = await model.detect(await composed.png().toBuffer());
		const clear = found.filter(({ score }) => score > 0.9);
		return clear.map(({ box, rotation }) => [Math.floor(centre(box)[0] / 160), rotation]).sort(([a], [b]) => a! - b!);
	};

	test('has all who are upright', async () => {
		expect(await seen(['person-00-0', 'person-02-0', 'person-10-0'])).toEqual([
			[0, 0],
			[1, 0],
		]);
	});

	test('has also an upright one who is less sure than the other', async () => {
		expect(await seen(['person-00-0', 'person-10-0'], 4)).toEqual([
			[0, 0],
			[1, 180],
		]);
	});
});

describe('encode tells', () => {
	const first = () => people[0]!.photos[0]!.file;
	const warningsOf = ({ warnings }: Identity) => warnings.map(({ code }) => code);

	test('which face it took, and nothing else of a good one', async () => {
		const identity = await model.encode(first());
		const [face] = await model.detect(first());
		expect(identity.face).toEqual({ ...face, index: 0, count: 1 });
		expect(identity.face!.score).toBeGreaterThan(0.9);
		expect(identity.warnings).toEqual([]);
		expect(JSON.parse(JSON.stringify(identity))).toEqual({ embedding: [...identity.embedding] });
	});

	test('that there are several, unless one was asked for', async () => {
		const several = join(faces, 'scene-several.jpg');
		const { length } = await model.detect(several);
		const identity = await model.encode(several);
		expect(identity.face).toMatchObject({ index: 0, count: length });
		expect(warningsOf(identity)).toContain('SEVERAL_FACES');
		expect(warningsOf(await model.encode(several, { face: 'largest' }))).not.toContain('SEVERAL_FACES');
		expect((await model.encode(several, { face: 1 })).face).toMatchObject({ index: 1, count: length });
	});

	test('that the face is small', async () => {
		const small = await sharp(first()).resize({ width: 32 }).toBuffer();
		expect(warningsOf(await model.encode(small))).toContain('SMALL_FACE');
	});

	test('that it is cut off', async () => {
		const { box } = (await model.detect(first()))[0]!;
		const crop = { left: box.x, top: box.y, width: box.width, height: box.height };
		const rounded = Object.fromEntries(Object.entries(crop).map(([side, pixels]) => [side, Math.round(pixels)]));
		const cut = await sharp(first())
			.extract(rounded as typeof crop)
			.toBuffer();
		expect(warningsOf(await model.encode(cut))).toContain('CUT_FACE');
	});

	test('that it may be none', async () => {
		const { box } = (await model.detect(first()))[0]!;
		const [left, top, width, height] = [box.x, box.y, box.width, box.height / 2].map(Math.round);
		const hand = { create: { width: width!, height: height!, channels: 3, background: 'grey' } } as const;
		const hidden = await sharp(first())
			.composite([{ input: hand, left: left!, top: top! }])
			.png()
			.toBuffer();
		const identity = await model.encode(hidden, { threshold: 0.2 });
		expect(identity.face!.score).toBeLessThan(0.7);
		expect(warningsOf(identity)).toContain('UNSURE_FACE');
	});

	test('where there is none, what was looked at', async () => {
		await expect(model.encode(join(faces, 'scene-none.jpg'))).rejects.toMatchObject({
			code: 'NO_FACE',
			problem: expect.stringMatching(
				/^Found no face in the photo .*scene-none\.jpg \(\d+ × \d+ pixels\), neither as it is/,
			),
			remedy: expect.stringContaining('detectionSize'),
			details: { photo: join(faces, 'scene-none.jpg'), faces: 0 },
		});
	});
});

describe('that it stands in for another bundle', () => {
	const codes = (warnings: readonly { code: string }[]) => warnings.map(({ code }) => code);

	test('is told where it was not asked for', async () => {
		expect(codes(model.info.warnings)).toEqual(['EMBEDDED_BUNDLE']);
		expect(model.info.warnings[0]!.message).toMatch(/drawn people.*`arc2face pull`/);
		await using asked = await Arc2Face.load({ bundle: 'tiny', device: 'cpu' });
		expect(asked.info.warnings).toEqual([]);
	});

	test('is plain where images are asked of it that it paints with many faces', async () => {
		const sizes = [
			[512, 512, ['UNUSUAL_SIZE']],
			[64, 64, ['UNUSUAL_SIZE']],
			[96, 144, ['UNUSUAL_SIZE']],
			[112, 80, []],
		] as const;
		for (const [width, height, expected] of sizes) {
			const size = { width, height };
			const [image] = await model.generate(identities[0]![0]!, { ...size, steps: 1 });
			expect(codes(image!.warnings), `${width} × ${height}`).toEqual(expected);
			await using loaded = await Arc2Face.load({ bundle: 'tiny', device: 'cpu', imageSizes: [size] });
			expect(codes(loaded.info.warnings), `${width} × ${height}`).toEqual(expected);
		}
	});
});

type Box = Face['box'];

function centre({ x, y, width, height }: Box): readonly [number, number] {
	return [x + width / 2, y + height / 2];
}

function distance(a: readonly number[], b: readonly number[]): number {
	return Math.hypot(a[0]! - b[0]!, a[1]! - b[1]!);
}

/** Intersection over union. */
function overlap(a: Box, b: Box): number {
	const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
	const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
	const shared = Math.max(0, width) * Math.max(0, height);
	return shared / (a.width * a.height + b.width * b.height - shared);
}
