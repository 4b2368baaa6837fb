// Files that are written in pieces, and read in pieces.
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { closeAll, GrowingFile } from '../../lib/files/growing-file.ts';
import { readInPieces } from '../../lib/files/pieces.ts';

let folder: string;
let file: string;
beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), 'arc2face-growing-'));
	file = join(folder, 'a.bin');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('pieces small and large come one after another', async () => {
	const growing = await GrowingFile.create(file);
	const pieces = ['one', Buffer.alloc(300_000, 'two'), '', 'ä', new Uint8Array([1, 2])];
	const ends = [];
	for (const piece of pieces) {
		await growing.add(piece);
		ends.push(growing.position);
	}
	await growing.close();
	expect(ends).toEqual([3, 300_003, 300_003, 300_005, 300_007]);
	expect(await readFile(file)).toEqual(Buffer.concat(pieces.map((piece) => Buffer.from(piece as string))));
});

test('after a failure nothing more is written, and each call tells of it', async () => {
	const growing = await GrowingFile.create(file);
	const other = await open(join(folder, 'other'), 'w');
	await other.close();
	const full = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', errno: -28 });
	// The disk has room again at once.
	const writing = vi.spyOn(Object.getPrototypeOf(other), 'writeFile').mockRejectedValueOnce(full);
	try {
		const refused = { code: 'FILE_FAILED', details: { file, systemCode: 'ENOSPC' } };
		await expect(growing.add(Buffer.alloc(300_000))).rejects.toMatchObject(refused);
		await expect(growing.add(Buffer.alloc(300_000))).rejects.toMatchObject(refused);
		await expect(growing.close()).rejects.toMatchObject(refused);
	} finally {
		writing.mockRestore();
	}
	expect(await readFile(file)).toHaveLength(0);
});

test('all are closed, and the first failure is told', async () => {
	const closed: string[] = [];
	const one = (name: string, failure?: Error) => ({
		close: async () => {
			closed.push(name);
			if (failure !== undefined) throw failure;
		},
	});
	const first = new Error('first');
	await expect(closeAll([one('a'), one('b', first), one('c', new Error('second')), one('d')])).rejects.toBe(first);
	expect(closed).toEqual(['a', 'b', 'c', 'd']);
});

test('reading stops between two pieces', async () => {
	const growing = await GrowingFile.create(file);
	await growing.add(Buffer.alloc(3 << 20));
	await growing.close();
	const stopping = new AbortController();
	const reason = new Error('enough');
	let bytes = 0;
	const reading = async () => {
		for await (const piece of readInPieces(file, stopping.signal)) {
			bytes += piece.length;
			stopping.abort(reason);
		}
	};
	await expect(reading()).rejects.toBe(reason);
	expect(bytes).toBe(1 << 20);
});
