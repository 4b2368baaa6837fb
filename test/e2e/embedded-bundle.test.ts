import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readPeople } from '../../benchmarks/portraits/people.ts';
import { nearest } from '../../benchmarks/portraits/statistics.ts';
import { Arc2Face, type Face, type Identity } from '../../lib/index.ts';
import { packageRoot } from '../../lib/package.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { withEnvironment } from '../runtimes.ts';

// The weights that come with the package, on people and scenes that no training saw. `npm run bench:identity` measures all that is
// asked of them; here is what a newcomer sees of it.

type Truth = { scenes: { file: string; faces: Pick<Face, 'box' | 'keypoints'>[] }[] };

const bundle = join(packageRoot, 'models/tiny');
const faces = join(packageRoot, 'test/fixtures/faces');
const { scenes }: Truth = JSON.parse(await readFile(join(faces, 'faces.json'), 'utf8'));
const people = (await readPeople()).slice(0, 8);
const empty = temporaryFolder();

let model: Arc2Face;
let identities: Identity[][];
beforeAll(async () => {
	// Where nothing was pulled, the embedded bundle is the default.
	await withEnvironment({ ARC2FACE_HOME: empty.path('.') }, async () => {
		model = await Arc2Face.load({ device: 'cpu' });
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
	expect(sizes.reduce((a, b) => a + b)).toBeLessThanOrEqual(32_000_000);
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
