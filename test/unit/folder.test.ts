// Making folders.
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeFolder } from '../../lib/files/folder.ts';

let root: string;
beforeAll(async () => {
	root = await mkdtemp(join(tmpdir(), 'arc2face-folder-'));
});
afterAll(() => rm(root, { recursive: true }));

test('makes what is missing, and leaves what is there', async () => {
	await writeFile(join(root, 'kept'), 'x');
	for (let i = 0; i < 2; i++) await makeFolder(join(root, 'a/b/c'));
	await makeFolder(root);
	expect((await stat(join(root, 'a/b/c'))).isDirectory()).toBe(true);
	expect((await stat(join(root, 'kept'))).isFile()).toBe(true);
});

test("callers at once do not get in one another's way", async () => {
	await Promise.all(Array.from({ length: 20 }, () => makeFolder(join(root, 'x/y/z'))));
	expect((await stat(join(root, 'x/y/z'))).isDirectory()).toBe(true);
});

test('fails where a file is in the way', async () => {
	await writeFile(join(root, 'file'), '');
	await expect(makeFolder(join(root, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
	await expect(makeFolder(join(root, 'file/below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
});

test.runIf(process.platform === 'linux')('fails, and does not hang, where no folder can be made', async () => {
	await expect(makeFolder('/proc/arc2face/portraits')).rejects.toMatchObject({ code: 'ENOENT' });
});
