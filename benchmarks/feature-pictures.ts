/**
 * Pictures of what the embedded bundle can be asked for besides a person: a strip for each feature, as the README and the guide show them.
 *
 *   npm run pictures -- [--out docs/features]
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { writeWhole } from '../lib/files/write.ts';
import { Arc2Face, type GenerateOptions, type Identity, type RawPhoto } from '../lib/index.ts';
import { packageRoot } from '../lib/package.ts';
import { readPeople } from './portraits/people.ts';
import { photoPixels } from './portraits/photo-pixels.ts';
import { type Cell, contactSheet } from './portraits/sheet.ts';

const { values } = parseArgs({ options: { out: { type: 'string', default: join(packageRoot, 'docs', 'features') } } });
const side = 144;
const seed = 42;

await using model = await Arc2Face.load({
	bundle: 'tiny',
	edit: true,
	control: true,
	expression: true,
	reference: true,
});
await using lcm = await Arc2Face.load({ bundle: 'tiny', loras: ['lcm'] });
await using tiny = await Arc2Face.load({ bundle: 'tiny', decoder: 'taesd' });
const { width, height } = model.info.imageSize;
await mkdir(values.out, { recursive: true });

// As in the demo: chosen for their varied looks.
const everyone = await readPeople();
const [anna, ben, carla] = await Promise.all(
	[25, 36, 12].map(async (index) => {
		const { file, keypoints } = everyone[index]!.photos[0]!;
		return { file, identity: await model.encode(file, { face: keypoints }) };
	}),
);

const astronaut = join(packageRoot, 'test', 'fixtures', 'astronaut.png');
const photographed = await model.encode(astronaut);
await strip('photograph', [
	[
		photo(astronaut, 'photograph'),
		...(await Promise.all([0, 1, 2, 3].map((k) => portrait(`seed ${seed + k}`, photographed, { seed: seed + k })))),
	],
]);

await strip('few-steps', [
	[
		photo(anna!.file),
		await portrait('25 steps', anna!.identity),
		await portrait('4 steps', anna!.identity, {}, lcm),
		await portrait('4 steps', anna!.identity, { seed: seed + 1 }, lcm),
		await portrait('taesd', anna!.identity, {}, tiny),
	],
]);

await strip('pose', [
	[
		photo(carla!.file),
		...(await Promise.all(
			Object.entries({
				left: { yaw: -35 },
				front: {},
				right: { yaw: 35 },
				up: { pitch: 18 },
				down: { pitch: -18 },
				leaning: { roll: 15 },
			}).map(([label, pose]) => portrait(label, carla!.identity, { control: { pose } })),
		)),
	],
]);

await strip('expression', [
	[
		photo(anna!.file),
		...(await Promise.all(
			['neutral', 'smile', 'laugh', 'surprise', 'talk', 'closed-eyes'].map((expression) =>
				portrait(expression.replace('-', ' '), anna!.identity, { expression, control: { pose: {} } }),
			),
		)),
	],
]);

const reference = (file: string): GenerateOptions => ({ reference: { photo: file } });
await strip('reference', [
	[
		photo(anna!.file),
		photo(ben!.file, 'reference'),
		await portrait('portrait', anna!.identity, reference(ben!.file)),
		await portrait('portrait', anna!.identity, { ...reference(ben!.file), seed: seed + 1 }),
		photo(carla!.file, 'reference'),
		await portrait('portrait', anna!.identity, reference(carla!.file)),
		await portrait('portrait', anna!.identity, { ...reference(carla!.file), seed: seed + 1 }),
	],
]);

const place = await photoPixels(ben!.file, { width, height });
await strip('image-to-image', [
	[
		photo(anna!.file),
		photo(ben!.file, 'image'),
		...(await Promise.all(
			[0.3, 0.5, 0.7, 0.9].map((strength) =>
				portrait(`strength ${strength}`, anna!.identity, { image: place, strength }),
			),
		)),
	],
]);

const mask: RawPhoto & { data: Uint8Array } = { data: new Uint8Array(width * height), width, height, channels: 1 };
for (let i = 0; i < mask.data.length; i++) {
	const [x, y] = [(i % width) / width - 0.5, Math.floor(i / width) / height - 0.52];
	// Black outside of the face, white within, grey between.
	const share = (1.15 - Math.hypot(x / 0.27, y / 0.36)) / 0.3;
	mask.data[i] = Math.round(255 * Math.min(Math.max(share, 0), 1));
}
await strip('inpainting', [
	[
		photo(anna!.file),
		photo(ben!.file, 'image'),
		{ image: sharp(mask.data, { raw: { width, height, channels: 1 } }), label: 'mask' },
		await portrait('portrait', anna!.identity, { image: place, mask }),
		await portrait('overlay', anna!.identity, { image: place, mask, overlay: true }),
	],
]);

async function portrait(
	label: string,
	identity: Identity,
	options: GenerateOptions = {},
	painter = model,
): Promise<Cell> {
	const [image] = await painter.generate(identity, { seed, width, height, ...options });
	return { image: image.sharp(), label };
}

function photo(file: string, label = 'photo'): Cell {
	return { image: sharp(file), label };
}

async function strip(name: string, rows: readonly (readonly Cell[])[]): Promise<void> {
	const file = join(values.out, `${name}.png`);
	await writeWhole(file, await contactSheet(rows, side));
	console.log(file);
}
