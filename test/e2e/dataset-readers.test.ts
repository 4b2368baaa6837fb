// Data sets as trainers in Python read them: test/README.md says with what.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { joinShards, openShardWriter, type Sample } from '../../lib/dataset/formats/formats.ts';
import type { Format } from '../../lib/options/dataset.ts';

const python = process.env.ARC2FACE_TEST_PYTHON;
if (python === undefined) {
	const reason = 'ARC2FACE_TEST_PYTHON names no Python with webdataset, numpy and Pillow (test/README.md)';
	if (process.env.CI !== undefined) throw new Error(reason);
	console.warn(`Left out: ${reason}.`);
}

const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const sizes = { portrait: 64, crop: 112 };

/** A JPEG of one colour, with the magic number of RecordIO in it: after its end, at a multiple of four or beside one. */
async function jpegOf(side: number, colour: { r: number; g: number; b: number }, shift: number): Promise<Buffer> {
	const create = { width: side, height: side, channels: 3, background: colour } as const;
	const file = await sharp({ create }).jpeg().toBuffer();
	const toFour = (4 - (file.length % 4)) % 4;
	return Buffer.concat([
		file,
		Buffer.alloc(toFour + shift),
		Buffer.from('0a23d7ce0a23d7ce', 'hex'),
		Buffer.from('end'),
	]);
}

/** Six people, of whom the fifth has no images. */
const people = 6;
const shards = [
	{ index: 0, firstPerson: 0, people: 2 },
	{ index: 1, firstPerson: 2, people: 1 },
	{ index: 2, firstPerson: 3, people: 3 },
];
const withImages = [0, 1, 2, 3, 5];
const samples: Sample[] = [];
let folder: string;

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'arc2face-readers-'));
	for (const person of withImages) {
		for (let image = 0; image < 2 + (person % 2); image++) {
			const colour = { r: 40 * person, g: 60 * image, b: 99 };
			samples.push({
				...{ person, image },
				portrait: await jpegOf(sizes.portrait, colour, 0),
				crop: await jpegOf(sizes.crop, colour, image),
				row: { seed: samples.length, expression: 'sad, "very"\nsad', yaw: undefined, recipe: '{"steps":25}' },
			});
		}
	}
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function made(format: Format): Promise<string> {
	const folders = shards.map(({ index }) => join(folder, `${format}-${index}`));
	for (const [index, shard] of shards.entries()) {
		await mkdir(folders[index]!);
		const writer = await openShardWriter(format, folders[index]!, shard);
		const last = shard.firstPerson + shard.people;
		for (const one of samples) if (one.person >= shard.firstPerson && one.person < last) await writer.add(one);
		await writer.close();
	}
	const to = join(folder, format);
	await joinShards(format, folders, to, { people });
	return to;
}

/** The lines that a reader prints. */
async function read(reader: string, what: string) {
	const script = fileURLToPath(new URL(`../formats/${reader}`, import.meta.url));
	const { stdout, stderr } = await promisify(execFile)(python!, [script, what], { maxBuffer: 1 << 24 });
	if (stderr !== '') console.warn(stderr);
	return stdout
		.trimEnd()
		.split('\n')
		.map((line) => JSON.parse(line));
}

describe.skipIf(python === undefined)('in Python', () => {
	test('webdataset reads the tar files', async () => {
		const set = await made('webdataset');
		const lines = await read('read_webdataset.py', `${set}/faces-{000000..000002}.tar`);
		expect(lines).toEqual(
			samples.map(({ person, image, row: { yaw: _, ...row }, portrait, crop }) => ({
				key: `00000${person}_000${image}`,
				class: person,
				row: { person, image, ...row },
				sizes: { jpg: [sizes.portrait, sizes.portrait], 'crop.jpg': [sizes.crop, sizes.crop] },
				digests: { jpg: digestOf(portrait!), 'crop.jpg': digestOf(crop!) },
			})),
		);
	});

	test('a reader of RecordIO, and MXNet where it is, read what InsightFace trains from', async () => {
		const [set, ...lines] = await read('read_recordio.py', await made('recordio'));
		const count = samples.length;
		expect(set).toEqual({
			...{ classes: people, size: [112, 112], records: count + 1 + people },
			...{ people: [count + 1, count + 1 + people], rest: 0, mxnet: expect.any(Boolean) },
			order: [...samples.keys()]
				.map((i) => i + 1)
				.concat(
					0,
					[...Array(people).keys()].map((i) => count + 1 + i),
				),
		});
		expect(lines.slice(0, count)).toEqual(
			samples.map(({ person, crop }, i) => ({ record: i + 1, class: person, digest: digestOf(crop!) })),
		);
		const rangeOf = (person: number) => {
			const places = [...samples.keys()].filter((i) => samples[i]!.person === person);
			return [places[0]! + 1, places.at(-1)! + 2];
		};
		const ranges = lines.slice(count).map(({ range }) => range);
		expect(ranges).toEqual([0, 1, 2, 3, 4, 5].map((person) => (person === 4 ? expect.anything() : rangeOf(person))));
		expect(ranges[4][0]).toBe(ranges[4][1]);
	});

	test('folders are classes, and the table leads to their files', async () => {
		const lines = await read('read_folders.py', await made('folders'));
		const file = (person: number, side: number, bytes: Uint8Array) => ({
			...{ class: withImages.indexOf(person), size: [side, side], digest: digestOf(bytes) },
		});
		expect(lines).toEqual(
			samples.map(({ person, image, row, portrait, crop }) => ({
				row: {
					...{ person: String(person), image: String(image), seed: String(row.seed), yaw: '' },
					...{ expression: row.expression, recipe: row.recipe },
					portrait: `images/00000${person}/000${image}.jpg`,
					crop: `crops/00000${person}/000${image}.jpg`,
				},
				files: { portrait: file(person, sizes.portrait, portrait!), crop: file(person, sizes.crop, crop!) },
			})),
		);
	});
});
