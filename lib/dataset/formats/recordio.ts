// InsightFace's form of RecordIO: train.rec, train.idx and property, as its face2rec2.py writes and its MXFaceDataset reads them
// (https://github.com/deepinsight/insightface, recognition/arcface_torch/dataset.py; heads of records: MXNet's python/mxnet/recordio.py).
import { join } from 'node:path';
import { Arc2FaceError } from '../../errors.ts';
import { closeAll, GrowingFile } from '../../files/growing-file.ts';
import { writeWhole } from '../../files/write.ts';
import { joinPeople, PersonFolders } from './folders.ts';
import { damaged, encodeRecord, readRecords } from './records.ts';
import type { ImageWriter, Shard } from './sample.ts';

const recordsName = 'train.rec';

/** Numbers of records are written as float32, which has every integer up to here. */
const mostRecords = 2 ** 24;

/** Flags of records: an image of one class, or a range of records, two numbers. */
const imageFlag = 0;
const rangeFlag = 2;

/**
 * The crops; row i of the table, from 1 on, is record i. Portraits, if there are any, lie beside them in folders by person. A shard is
 * a set of its own, of which the first people have no images.
 */
export async function openRecordIo(folder: string, shard: Shard): Promise<ImageWriter> {
	const faces = await FaceRecords.create(folder, shard);
	const portraits = new PersonFolders(folder);
	return {
		add: async (sample) => {
			if (sample.crop === undefined) throw new TypeError('RecordIO is of crops, and a sample has none.');
			const record = await faces.add(sample.person, sample.crop);
			return { portrait: await portraits.add('images', sample, sample.portrait), crop: recordsName, record };
		},
		close: () => closeAll([faces, portraits]),
	};
}

export async function joinRecordIo(
	shards: readonly string[],
	to: string,
	people: number,
	signal?: AbortSignal,
): Promise<void> {
	const joined = await FaceRecords.create(to, { firstPerson: 0, people });
	try {
		for (const shard of shards) {
			for await (const { person, image } of facesOf(join(shard, recordsName), signal)) await joined.add(person, image);
		}
	} catch (error) {
		await joined.close().catch(() => {});
		throw error;
	}
	await joined.close();
	for (const shard of shards) await joinPeople(shard, to, 'images', signal);
}

/**
 * Records 1 … n are the images, person by person. Record 0 has the range n + 1 … n + people of those that follow: for each person the range of
 * its images. Ends of ranges are not in them.
 */
class FaceRecords {
	readonly #folder: string;
	readonly #records: GrowingFile;
	readonly #index: GrowingFile;
	readonly #firstPerson: number;
	readonly #people: number;
	/** The first record of each person so far. */
	readonly #starts: number[] = [];
	#next = 1;

	private constructor(
		folder: string,
		{ firstPerson, people }: Omit<Shard, 'index'>,
		files: { records: GrowingFile; index: GrowingFile },
	) {
		this.#folder = folder;
		this.#firstPerson = firstPerson;
		this.#people = people;
		this.#records = files.records;
		this.#index = files.index;
	}

	/** @throws {Arc2FaceError} `FILE_FAILED` */
	static async create(folder: string, people: Omit<Shard, 'index'>): Promise<FaceRecords> {
		const records = await GrowingFile.create(join(folder, recordsName));
		try {
			return new FaceRecords(folder, people, { records, index: await GrowingFile.create(join(folder, 'train.idx')) });
		} catch (error) {
			await records.close();
			throw error;
		}
	}

	/**
	 * @returns the record's number
	 * @throws {Arc2FaceError} `FILE_FAILED`; `INVALID_ARGUMENT` for too many images, or a person before the last one or beyond the shard's
	 */
	async add(person: number, image: Uint8Array): Promise<number> {
		const place = person - this.#firstPerson;
		if (!(place >= Math.max(0, this.#starts.length - 1) && place < this.#people))
			throw outOfOrder(this.#folder, person);
		this.#startUpTo(place);
		const record = this.#next++;
		await this.#write(record, { flag: imageFlag, label: person, contents: image });
		return record;
	}

	async close(): Promise<void> {
		await closeAll([{ close: () => this.#finish() }, this.#records, this.#index]);
	}

	async #finish(): Promise<void> {
		this.#startUpTo(this.#people);
		await this.#write(0, rangeOf(this.#next, this.#next + this.#people));
		for (let place = 0; place < this.#people; place++) {
			await this.#write(this.#next + place, rangeOf(this.#starts[place]!, this.#starts[place + 1]!));
		}
		await writeWhole(join(this.#folder, 'property'), `${this.#firstPerson + this.#people},112,112\n`);
	}

	/** People up to this one who had no image get none. */
	#startUpTo(place: number): void {
		while (this.#starts.length <= place) this.#starts.push(this.#next);
	}

	async #write(id: number, { flag, label, contents }: { flag: number; label: number; contents: Uint8Array }) {
		if (id >= mostRecords) throw tooMany();
		const head = Buffer.alloc(24);
		head.writeUInt32LE(flag, 0);
		head.writeFloatLE(label, 4);
		head.writeBigUInt64LE(BigInt(id), 8); // another 64 bits of the id stay 0
		await this.#index.add(`${id}\t${this.#records.position}\n`);
		await this.#records.add(encodeRecord(Buffer.concat([head, contents])));
	}
}

function rangeOf(from: number, to: number) {
	const contents = Buffer.alloc(8);
	contents.writeFloatLE(from, 0);
	contents.writeFloatLE(to, 4);
	return { flag: rangeFlag, label: 0, contents };
}

/** The images of a file that {@link FaceRecords} wrote. @throws {Arc2FaceError} `FILE_FAILED` if it is damaged */
async function* facesOf(
	file: string,
	signal: AbortSignal | undefined,
): AsyncGenerator<{ person: number; image: Buffer }> {
	let images = 0;
	let ranges = 0;
	let expected: { images: number; ranges: number } | undefined;
	for await (const record of readRecords(file, signal)) {
		if (record.length < 32) throw damaged(file, 'one is shorter than any of them');
		if (record.readUInt32LE(0) === imageFlag) {
			images++;
			yield { person: record.readFloatLE(4), image: record.subarray(24) };
		} else if (expected === undefined) {
			const [from, to] = [record.readFloatLE(24), record.readFloatLE(28)];
			expected = { images: from - 1, ranges: to - from };
		} else {
			ranges++;
		}
	}
	if (images !== expected?.images || ranges !== expected.ranges) throw damaged(file, 'it lacks some at its end');
}

function outOfOrder(folder: string, person: number): Arc2FaceError {
	return new Arc2FaceError(
		'INVALID_ARGUMENT',
		`Expected people in order, all of them below the number of people, but person ${person} came into ${folder} out of it.`,
		{ remedy: 'Join all shards of a run, in their order.', details: { file: folder } },
	);
}

function tooMany(): Arc2FaceError {
	return new Arc2FaceError(
		'INVALID_ARGUMENT',
		`InsightFace's RecordIO numbers at most ${mostRecords} images and people together, and there are more.`,
		{ remedy: 'Use another format, such as webdataset.' },
	);
}
