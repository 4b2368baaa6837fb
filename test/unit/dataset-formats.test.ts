// The forms that data sets are written in, byte for byte, and joins of their shards.
import { existsSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { joinShards, openShardWriter, type Sample } from '../../lib/dataset/formats/formats.ts';
import { encodeRecord, readRecords } from '../../lib/dataset/formats/records.ts';
import { type Format, formatNames } from '../../lib/options/dataset.ts';

let folder: string;
beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), 'arc2face-formats-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const magic = Buffer.from('0a23d7ce', 'hex');
/** What starts as a JPEG file does. */
const jpeg = (text: string) => Buffer.concat([Buffer.from('ffd8ffe0', 'hex'), Buffer.from(text)]);
const png = (text: string) => Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.from(text)]);

function sample(person: number, image: number, more: Partial<Sample> = {}): Sample {
	const row = { seed: 10 * person + image, similarity: 0.5, yaw: undefined, recipe: `{"seed":${image}}` };
	return { person, image, portrait: png(`P${person}.${image}`), crop: jpeg(`C${person}.${image}`), row, ...more };
}

/** People 0, 1 and 3 of four, with 2, 1 and 3 images. */
const samples = [sample(0, 0), sample(0, 1), sample(1, 0), sample(3, 0), sample(3, 1), sample(3, 2)];

async function write(format: Format, name: string, shard: { index: number; firstPerson: number; people: number }) {
	const to = join(folder, name);
	await mkdir(to);
	const writer = await openShardWriter(format, to, shard);
	const { firstPerson, people } = shard;
	for (const one of samples) {
		if (one.person >= firstPerson && one.person < firstPerson + people) await writer.add(one);
	}
	await writer.close();
	return to;
}

/** Every file below a folder, by name. */
async function filesOf(name: string): Promise<Record<string, Buffer>> {
	const entries = await readdir(name, { recursive: true, withFileTypes: true });
	const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
	const read = files.sort().map(async (file) => [file.slice(name.length + 1), await readFile(file)] as const);
	return Object.fromEntries(await Promise.all(read));
}

const whole = { index: 0, firstPerson: 0, people: 4 };
const parts = [
	{ index: 0, firstPerson: 0, people: 1 },
	{ index: 1, firstPerson: 1, people: 2 },
	{ index: 2, firstPerson: 3, people: 1 },
];
const joinOptions = { people: 4 };

const table = (portraits: readonly string[], crops: readonly string[]) =>
	[
		'person,image,seed,similarity,yaw,recipe,portrait,crop',
		...samples.map(
			({ person, image, row }, i) =>
				`${person},${image},${row.seed},0.5,,"{""seed"":${image}}",${portraits[i]},${crops[i]}`,
		),
		'',
	].join('\r\n');

describe('folders', () => {
	test('have a folder for each person, and names of as many digits', async () => {
		const files = await filesOf(await write('folders', 'shard', whole));
		expect(Object.keys(files)).toEqual([
			...['crops/000000/0000.jpg', 'crops/000000/0001.jpg', 'crops/000001/0000.jpg'],
			...['crops/000003/0000.jpg', 'crops/000003/0001.jpg', 'crops/000003/0002.jpg'],
			...['images/000000/0000.png', 'images/000000/0001.png', 'images/000001/0000.png'],
			...['images/000003/0000.png', 'images/000003/0001.png', 'images/000003/0002.png'],
			'table.csv',
		]);
		expect(files['crops/000003/0001.jpg']).toEqual(jpeg('C3.1'));
		expect(files['images/000003/0001.png']).toEqual(png('P3.1'));
		const names = samples.map(({ person, image }) => `00000${person}/000${image}`);
		expect(String(files['table.csv'])).toBe(
			table(
				names.map((name) => `images/${name}.png`),
				names.map((name) => `crops/${name}.jpg`),
			),
		);
	});

	test('of crops alone have no portraits', async () => {
		const writer = await openShardWriter('folders', folder, whole);
		await writer.add(sample(2, 12345, { portrait: undefined }));
		await writer.close();
		const files = await filesOf(folder);
		expect(Object.keys(files)).toEqual(['crops/000002/12345.jpg', 'table.csv']);
		expect(String(files['table.csv'])).toMatch(/,,crops\/000002\/12345\.jpg\r\n$/);
	});

	test('take no room when they are joined', async () => {
		const shard = await write('folders', 'shard', whole);
		await joinShards('folders', [shard], join(folder, 'joined'), joinOptions);
		const [one, other] = await Promise.all(
			[shard, join(folder, 'joined')].map((set) => stat(join(set, 'crops/000003/0002.jpg'))),
		);
		expect(other!.ino).toBe(one!.ino);
	});
});

// Memory is another disk than that of temporary files, most often.
const memory = '/dev/shm';
const isOther = existsSync(memory) && statSync(memory).dev !== statSync(tmpdir()).dev;
test.skipIf(!isOther)('between disks, files are copied', async () => {
	const shard = await write('folders', 'shard', whole);
	const to = await mkdtemp(join(memory, 'arc2face-formats-'));
	try {
		await joinShards('folders', [shard], to, joinOptions);
		expect(await filesOf(to)).toEqual(await filesOf(shard));
	} finally {
		await rm(to, { recursive: true });
	}
});

describe('WebDataset', () => {
	/** Members of a tar file by hand: POSIX.1-1988 with the ustar fields. */
	const field = (header: Buffer, from: number, length: number) =>
		header.toString('latin1', from, from + length).replace(/\0.*$/s, '');
	function membersOf(tar: Buffer) {
		const members: { name: string; contents: Buffer; header: Buffer }[] = [];
		let at = 0;
		for (; tar[at] !== 0; ) {
			const header = tar.subarray(at, at + 512);
			const size = Number.parseInt(field(header, 124, 12), 8);
			members.push({ name: field(header, 0, 100), contents: tar.subarray(at + 512, at + 512 + size), header });
			at += 512 + 512 * Math.ceil(size / 512);
		}
		expect(tar.subarray(at)).toEqual(Buffer.alloc(1024));
		return members;
	}

	test('is a tar file whose members are known by key', async () => {
		const files = await filesOf(await write('webdataset', 'shard', { ...whole, index: 12 }));
		expect(Object.keys(files)).toEqual(['faces-000012.tar', 'table.csv']);
		const members = membersOf(files['faces-000012.tar']!);
		const keys = samples.map(({ person, image }) => `00000${person}_000${image}`);
		expect(members.map(({ name }) => name)).toEqual(
			keys.flatMap((key) => ['png', 'crop.jpg', 'cls', 'json'].map((suffix) => `${key}.${suffix}`)),
		);
		const contents = members.slice(-4).map((member) => String(member.contents));
		expect(contents).toEqual([
			...[String(png('P3.2')), String(jpeg('C3.2')), '3'],
			'{"person":3,"image":2,"seed":32,"similarity":0.5,"recipe":"{\\"seed\\":2}"}',
		]);
		expect(String(files['table.csv'])).toBe(
			table(
				keys.map((key) => `${key}.png`),
				keys.map((key) => `${key}.crop.jpg`),
			),
		);
	});

	test('tells nothing of time, place or user', async () => {
		const shard = await write('webdataset', 'shard', whole);
		const members = membersOf(await readFile(join(shard, 'faces-000000.tar')));
		expect(members).toHaveLength(24);
		for (const { header } of members) {
			expect(field(header, 257, 8)).toBe('ustar');
			const [mode, uid, gid, mtime] = [100, 108, 116, 136].map((at) => Number.parseInt(field(header, at, 8), 8));
			expect([mode, uid, gid, mtime]).toEqual([0o644, 0, 0, 0]);
			expect([field(header, 265, 32), field(header, 297, 32)]).toEqual(['', '']);
		}
	});

	test('of more than memory gathers is whole', async () => {
		const writer = await openShardWriter('webdataset', folder, whole);
		const crop = jpeg('x'.repeat(300_001));
		for (let image = 0; image < 5; image++) await writer.add(sample(0, image, { crop, portrait: undefined }));
		await writer.close();
		const members = membersOf(await readFile(join(folder, 'faces-000000.tar')));
		const crops = members.filter(({ name }) => name.endsWith('.crop.jpg'));
		expect(crops.map(({ contents }) => contents.equals(crop))).toEqual(Array(5).fill(true));
	});

	test('is joined as it is, numbered without a gap', async () => {
		const shards = [];
		for (const part of parts) shards.push(await write('webdataset', `shard-${part.index}`, part));
		await joinShards('webdataset', shards, join(folder, 'joined'), joinOptions);
		const files = await filesOf(join(folder, 'joined'));
		expect(Object.keys(files)).toEqual(['faces-000000.tar', 'faces-000001.tar', 'faces-000002.tar', 'table.csv']);
		const joined = Object.values(files).slice(0, 3).flatMap(membersOf);
		const single = membersOf(await readFile(join(await write('webdataset', 'whole', whole), 'faces-000000.tar')));
		expect(joined).toEqual(single);
		for (const wrong of [shards.slice(1), [shards[1]!, shards[0]!]]) {
			await expect(joinShards('webdataset', wrong, join(folder, 'other'), joinOptions)).rejects.toMatchObject({
				code: 'INVALID_ARGUMENT',
				message: expect.stringContaining('Expected faces-000000.tar in '),
			});
		}
	});
});

/** A record of one part. */
const record = (contents: Buffer) => {
	const length = Buffer.alloc(4);
	length.writeUInt32LE(contents.length);
	return Buffer.concat([magic, length, contents, Buffer.alloc((4 - (contents.length % 4)) % 4)]);
};

describe('RecordIO', () => {
	const label = ['00000000', '0000803f', '00000040', '00004040', '00008040', '0000a040']; // float32 of 0 to 5
	const image = (id: string, person: number, contents: Buffer) =>
		record(Buffer.concat([Buffer.from(`00000000${label[person]}${id}${'00'.repeat(15)}`, 'hex'), contents]));
	const range = (id: string, from: number, to: number) =>
		record(Buffer.from(`0200000000000000${id}${'00'.repeat(15)}${label[from]}${label[to]}`, 'hex'));

	test('has images, then the range of people, then the range of images of each', async () => {
		const writer = await openShardWriter('recordio', folder, { ...whole, people: 3 });
		for (const [person, number] of [
			[0, 0],
			[0, 1],
			[2, 0],
		] as const) {
			await writer.add(sample(person, number, { portrait: undefined, crop: jpeg('x'.repeat(number)) }));
		}
		await writer.close();
		const files = await filesOf(folder);
		expect(Object.keys(files)).toEqual(['property', 'table.csv', 'train.idx', 'train.rec']);
		expect(String(files.property)).toBe('3,112,112\n');
		// From 4 up to but not with 7; 7 in float32 is not in the list above.
		const people = Buffer.from(`0200000000000000${'00'.repeat(16)}000080400000e040`, 'hex');
		expect(files['train.rec']).toEqual(
			Buffer.concat([
				...[image('01', 0, jpeg('')), image('02', 0, jpeg('x')), image('03', 2, jpeg(''))],
				...[record(people), range('04', 1, 3), range('05', 3, 3), range('06', 3, 4)],
			]),
		);
		expect(String(files['train.idx'])).toBe('1\t0\n2\t36\n3\t76\n0\t112\n4\t152\n5\t192\n6\t232\n');
		expect(String(files['table.csv']).match(/,train\.rec,\d+\r\n/g)).toEqual(
			[1, 2, 3].map((i) => `,train.rec,${i}\r\n`),
		);
	});

	test('has portraits beside it', async () => {
		const files = await filesOf(await write('recordio', 'shard', whole));
		expect(Object.keys(files)).toHaveLength(4 + samples.length);
		expect(files['images/000003/0001.png']).toEqual(png('P3.1'));
		expect(String(files['table.csv'])).toMatch(/,images\/000003\/0002\.png,train\.rec,6\r\n$/);
	});

	test('is of crops', async () => {
		const writer = await openShardWriter('recordio', folder, whole);
		await expect(writer.add(sample(0, 0, { crop: undefined }))).rejects.toThrow('RecordIO is of crops');
		await writer.close();
	});

	test.each([
		['an earlier person', [1, 0]],
		['a person of an earlier shard', [-1]],
		['a person of a later shard', [0, 4]],
	])('refuses %s', async (_, people) => {
		const writer = await openShardWriter('recordio', folder, { index: 1, firstPerson: 5, people: 4 });
		for (const person of people.slice(0, -1)) await writer.add(sample(5 + person, 0));
		await expect(writer.add(sample(5 + people.at(-1)!, 0))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
		await writer.close();
	});

	describe('records', () => {
		const read = async (bytes: Buffer) => {
			await writeFile(join(folder, 'a.rec'), bytes);
			const records: Buffer[] = [];
			for await (const one of readRecords(join(folder, 'a.rec'))) records.push(one);
			return records;
		};
		const part = (kind: number, contents: Buffer) => {
			const head = Buffer.from([0, 0, 0, 0]);
			head.writeUInt32LE(kind * 2 ** 29 + contents.length);
			return Buffer.concat([magic, head, contents]);
		};
		const [four, three, none] = [Buffer.from('abcd'), Buffer.from('xyz'), Buffer.alloc(0)];

		test.each([
			['nothing', none, [part(0, none)]],
			['three bytes', three, [part(0, three), Buffer.alloc(1)]],
			['the magic number', magic, [part(1, none), part(3, none)]],
			['it between others', Buffer.concat([four, magic, three]), [part(1, four), part(3, three), Buffer.alloc(1)]],
			[
				'it three times',
				Buffer.concat([magic, magic, four, magic]),
				[part(1, none), part(2, none), part(2, four), part(3, none)],
			],
			[
				'it where no part begins',
				Buffer.concat([three, magic, three]),
				[part(0, Buffer.concat([three, magic, three])), Buffer.alloc(2)],
			],
			[
				'its first bytes at the end',
				Buffer.concat([four, magic.subarray(0, 3)]),
				[part(0, Buffer.concat([four, magic.subarray(0, 3)])), Buffer.alloc(1)],
			],
			[
				'it right after where no part begins',
				Buffer.concat([three, magic, Buffer.alloc(1), magic]),
				[part(1, Buffer.concat([three, magic, Buffer.alloc(1)])), part(3, none)],
			],
		])('of %s', async (_, contents, expected) => {
			expect(encodeRecord(contents)).toEqual(Buffer.concat(expected));
			expect(await read(Buffer.concat([encodeRecord(contents), encodeRecord(four)]))).toEqual([contents, four]);
		});

		test('longer than what is read at once', async () => {
			const long = Buffer.alloc(3_000_003, 'long');
			magic.copy(long, 1 << 20);
			const records = await read(Buffer.concat([encodeRecord(long), encodeRecord(three), encodeRecord(long)]));
			expect(records.map((one) => one.length)).toEqual([long.length, 3, long.length]);
			expect(records[2]!.equals(long)).toBe(true);
		});

		test.each([
			['that end within their head', Buffer.concat([record(four), magic])],
			['that end within their contents', record(four).subarray(0, 10)],
			['that lack their padding', record(three).subarray(0, 11)],
			['of which the last part is missing', part(1, four)],
			['without the magic number', Buffer.alloc(16)],
		])('%s are damaged', async (_, bytes) => {
			await expect(read(bytes)).rejects.toMatchObject({
				...{ code: 'FILE_FAILED', details: { file: join(folder, 'a.rec') } },
				message: expect.stringContaining('whole file of records'),
			});
		});
	});
});

describe('tables', () => {
	const rowOf = async (row: Sample['row']) => {
		const writer = await openShardWriter('folders', folder, whole);
		await writer.add(sample(0, 0, { portrait: undefined, crop: undefined, row }));
		await writer.close();
		return await readFile(join(folder, 'table.csv'), 'utf8');
	};

	test('quote what RFC 4180 has quoted, and only that', async () => {
		const odd = { a: 'x,y', b: 'say "hi"', c: 'one\ntwo', d: 'one\rtwo', e: ' spaces ', f: 'ä = 1', g: '', h: -0.1 };
		expect(await rowOf(odd)).toBe(
			'person,image,a,b,c,d,e,f,g,h,portrait,crop\r\n' +
				'0,0,"x,y","say ""hi""","one\ntwo","one\rtwo", spaces ,ä = 1,,-0.1,,\r\n',
		);
	});

	test('have numbers with all their digits', async () => {
		expect(await rowOf({ a: 0.1 + 0.2, b: 2 ** 53 - 1, c: 1e-7 })).toContain(
			'0,0,0.30000000000000004,9007199254740991,1e-7,,',
		);
	});

	test('have the same columns in every row', async () => {
		const writer = await openShardWriter('folders', folder, whole);
		await writer.add(sample(0, 0));
		await expect(writer.add(sample(0, 1, { row: { seed: 1 } }))).rejects.toThrow('A row has the columns');
		await writer.close();
	});

	test('of other columns are not joined', async () => {
		const shards = ['one', 'two'].map((name) => join(folder, name));
		for (const [index, shard] of shards.entries()) {
			await mkdir(shard);
			const writer = await openShardWriter('folders', shard, { index, firstPerson: index, people: 1 });
			await writer.add(sample(index, 0, index === 0 ? {} : { row: { seed: 1 } }));
			await writer.close();
		}
		await expect(joinShards('folders', shards, join(folder, 'joined'), joinOptions)).rejects.toMatchObject({
			...{ code: 'INVALID_ARGUMENT', details: { file: join(shards[1]!, 'table.csv') } },
		});
		expect(await readdir(folder)).toEqual(['one', 'two']);
	});
});

describe.each(formatNames)('%s', (format) => {
	test('has the same bytes for the same samples', async () => {
		const [one, other] = [await write(format, 'one', whole), await write(format, 'other', whole)];
		expect(await filesOf(other)).toEqual(await filesOf(one));
	});

	test.skipIf(format === 'webdataset')('joined from shards is what one shard of all would be', async () => {
		const shards = [];
		for (const part of parts) shards.push(await write(format, `shard-${part.index}`, part));
		await joinShards(format, shards, join(folder, 'joined'), joinOptions);
		const joined = await filesOf(join(folder, 'joined'));
		expect(joined).toEqual(await filesOf(await write(format, 'whole', whole)));
		expect(String(joined['table.csv']).split('\r\n')).toHaveLength(samples.length + 2);
	});

	test('of a shard without images joins with others', async () => {
		const shards = [await write(format, 'none', { index: 0, firstPerson: 0, people: 0 })];
		shards.push(await write(format, 'some', { index: 1, firstPerson: 0, people: 4 }));
		await joinShards(format, shards, join(folder, 'joined'), joinOptions);
		expect(await readFile(join(folder, 'joined/table.csv'))).toEqual(await readFile(join(shards[1]!, 'table.csv')));
	});

	test('goes into an empty folder, not into one with files', async () => {
		const shard = await write(format, 'shard', whole);
		const to = join(folder, 'joined');
		await mkdir(to);
		await joinShards(format, [shard], to, joinOptions);
		const before = await filesOf(to);
		expect(before).toEqual(await filesOf(shard));
		await expect(joinShards(format, [shard], to, joinOptions)).rejects.toMatchObject({
			...{ code: 'FILE_FAILED', details: { file: to }, message: expect.stringContaining('a new or an empty folder') },
		});
		expect(await filesOf(to)).toEqual(before);
		expect(await readdir(folder)).toEqual(['joined', 'shard']);
	});

	test('that is stopped while it is joined leaves nothing', async () => {
		const shard = await write(format, 'shard', whole);
		const reason = new Error('enough');
		const options = { ...joinOptions, signal: AbortSignal.abort(reason) };
		await expect(joinShards(format, [shard], join(folder, 'joined'), options)).rejects.toBe(reason);
		expect(await readdir(folder)).toEqual(['shard']);
	});

	test('of which a shard is missing names it, and leaves nothing', async () => {
		const shard = await write(format, 'shard', whole);
		const missing = join(folder, 'missing');
		const { details } = await joinShards(format, [shard, missing], join(folder, 'joined'), joinOptions).then(
			() => expect.unreachable(),
			(error) => error,
		);
		expect(details.file).toContain(missing);
		expect(details.systemCode).toBe('ENOENT');
		expect(await readdir(folder)).toEqual(['shard']);
	});

	test('deletes what a killed one left', async () => {
		const shard = await write(format, 'shard', whole);
		const joining = joinShards(format, [shard], join(folder, 'joined'), joinOptions);
		let left: string | undefined;
		while (left === undefined) left = (await readdir(folder)).find((name) => name.endsWith('.tmp'));
		await joining;
		await mkdir(join(folder, left, 'half'), { recursive: true });
		await rm(join(folder, 'joined'), { recursive: true });
		await joinShards(format, [shard], join(folder, 'joined'), joinOptions);
		expect(await readdir(folder)).toEqual(['joined', 'shard']);
		expect(existsSync(join(folder, 'joined/half'))).toBe(false);
	});

	test('names the folder that is a file', async () => {
		const shard = await write(format, 'shard', whole);
		await writeFile(join(folder, 'file'), 'mine');
		const refused = { code: 'FILE_FAILED', details: { systemCode: 'ENOTDIR' } };
		await expect(openShardWriter(format, join(folder, 'file'), whole)).rejects.toMatchObject(refused);
		for (const to of ['file', 'file/below']) {
			await expect(joinShards(format, [shard], join(folder, to), joinOptions)).rejects.toMatchObject(refused);
		}
		expect(await readFile(join(folder, 'file'), 'utf8')).toBe('mine');
	});
});

test('a person in two shards is refused', async () => {
	const shards = [await write('folders', 'one', whole), await write('folders', 'two', parts[1]!)];
	await expect(joinShards('folders', shards, join(folder, 'joined'), joinOptions)).rejects.toMatchObject({
		...{ code: 'INVALID_ARGUMENT', details: { file: shards[1] } },
		message: expect.stringContaining('images of person 000001'),
	});
	await rm(shards[1]!, { recursive: true });
	const records = [await write('recordio', 'three', whole), await write('recordio', 'four', parts[1]!)];
	await expect(joinShards('recordio', records, join(folder, 'joined'), joinOptions)).rejects.toMatchObject({
		code: 'INVALID_ARGUMENT',
	});
	expect(await readdir(folder)).toEqual(['four', 'one', 'three']);
});

test('a shard of RecordIO that lacks its end is damaged', async () => {
	const shard = await write('recordio', 'shard', whole);
	const file = join(shard, 'train.rec');
	const { size } = await stat(file);
	// Ranges have 40 bytes each: without the last, and without all five.
	for (const lost of [40, 200]) {
		await truncate(file, size - lost);
		await expect(joinShards('recordio', [shard], join(folder, 'joined'), joinOptions)).rejects.toMatchObject({
			...{ code: 'FILE_FAILED', details: { file } },
			message: expect.stringContaining('lacks some at its end'),
		});
	}
	expect(await readdir(folder)).toEqual(['shard']);
});

// /dev/full is a disk without space.
describe.skipIf(process.platform !== 'linux')('a full disk', () => {
	test.each([
		['webdataset', 'faces-000000.tar'],
		['recordio', 'train.rec'],
		['recordio', 'train.idx'],
		['recordio', 'property'],
		['folders', 'table.csv'],
	] as const)('stops %s: %s', async (format, name) => {
		await symlink('/dev/full', join(folder, name));
		const full = {
			...{ code: 'FILE_FAILED', details: { file: join(folder, name), systemCode: 'ENOSPC' } },
			remedy: 'Free some space, or choose another disk.',
		};
		const writer = await openShardWriter(format, folder, whole);
		await writer.add(sample(0, 0));
		await expect(writer.close()).rejects.toMatchObject(full);
	});

	test.each([
		['webdataset', 'faces-000000.tar'],
		['recordio', 'train.rec'],
	] as const)('stops %s at once when more is gathered, and again afterwards', async (format, name) => {
		await symlink('/dev/full', join(folder, name));
		const writer = await openShardWriter(format, folder, whole);
		const crop = jpeg('x'.repeat(400_000));
		const full = { code: 'FILE_FAILED', details: { file: join(folder, name), systemCode: 'ENOSPC' } };
		const fill = async () => {
			for (let image = 0; image < 3; image++) await writer.add(sample(0, image, { crop }));
		};
		await expect(fill()).rejects.toMatchObject(full);
		await expect(writer.add(sample(0, 9, { crop }))).rejects.toMatchObject(full);
		await expect(writer.close()).rejects.toMatchObject(full);
	});
});
