// Writing files, and checking targets before.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeTextFile } from '../../lib/cli/new-file.ts';
import { commandLineWording } from '../../lib/cli/wording.ts';
import { Arc2FaceError } from '../../lib/errors.ts';
import { requireWritable } from '../../lib/files/target.ts';
import { inPlaceOf, writeWhole } from '../../lib/files/write.ts';
import { GeneratedImage } from '../../lib/image.ts';

let folder: string;
beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), 'arc2face-write-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

// NAME_MAX of common file systems: 255 bytes.
const longNames = ['a'.repeat(251), `${'ä'.repeat(125)}a`, `${'👩'.repeat(62)}abc`].map((stem) => `${stem}.png`);
const isRoot = process.getuid?.() === 0;

describe('writeWhole', () => {
	test.each(longNames)('writes under any legal name (%#)', async (name) => {
		expect(Buffer.byteLength(name)).toBe(255);
		await writeWhole(join(folder, name), 'one');
		await writeWhole(join(folder, name), new Uint8Array([50]));
		expect(await readFile(join(folder, name), 'utf8')).toBe('2');
		expect(await readdir(folder)).toEqual([name]);
	});

	test('an image is written with it', async () => {
		const image = new GeneratedImage(new Uint8Array(12), { width: 2, height: 2 }, 1, 0, { provenance: false });
		expect(await image.toFile(join(folder, longNames[0]!))).toBe(join(folder, longNames[0]!));
	});

	test('keeps the mode of the file, and writes to where a link leads', async () => {
		const file = join(folder, 'secret.json');
		await writeFile(file, 'old');
		await chmod(file, 0o640);
		await symlink(file, join(folder, 'link.json'));
		await writeWhole(join(folder, 'link.json'), 'new');
		expect(await readFile(file, 'utf8')).toBe('new');
		expect((await stat(file)).mode & 0o777).toBe(0o640);
		expect((await readdir(folder)).sort()).toEqual(['link.json', 'secret.json']);
	});

	test.skipIf(process.platform === 'win32')('makes a file that tells of persons for its user alone', async () => {
		const file = join(folder, 'new/anna.json');
		await writeTextFile(file, '{}');
		expect((await stat(file)).mode & 0o777).toBe(0o600);
		await chmod(file, 0o644);
		await writeTextFile(file, '[]');
		expect((await stat(file)).mode & 0o777).toBe(0o644);
	});

	test.skipIf(process.platform !== 'linux')(
		'writes into what is no ordinary file, and leaves it what it is',
		async () => {
			await writeWhole('/dev/null', 'x');
			expect((await stat('/dev/null')).isCharacterDevice()).toBe(true);
		},
	);

	test('leaves nothing behind when it fails', async () => {
		await expect(writeWhole(join(folder, 'missing/a.txt'), 'x')).rejects.toMatchObject({
			...{ code: 'FILE_FAILED', details: { systemCode: 'ENOENT' }, remedy: expect.stringContaining('mkdir') },
		});
		await mkdir(join(folder, 'taken'));
		await expect(writeWhole(join(folder, 'taken'), 'x')).rejects.toMatchObject({ details: { systemCode: 'EISDIR' } });
		const fails = inPlaceOf(join(folder, 'a.txt'), async (temporary) => {
			await writeFile(temporary, 'half');
			throw new Error('stopped');
		});
		await expect(fails).rejects.toThrow('stopped');
		expect(await readdir(folder)).toEqual(['taken']);
	});
});

describe("a failed write names the file that was asked for, and the system's reason alone", () => {
	const failure = async (file: string, write: (file: string) => Promise<unknown> = (name) => writeWhole(name, 'x')) => {
		const error = await write(file).catch((thrown: unknown) => thrown);
		expect(error).toBeInstanceOf(Arc2FaceError);
		return error as Arc2FaceError;
	};

	test('also where it was written under a temporary name', async () => {
		const file = join(folder, 'missing/a.png');
		const { problem, details } = await failure(file);
		expect(problem).toBe(`Could not write ${file}: there is no such folder.`);
		expect(details).toEqual({ file, systemCode: 'ENOENT' });
		const image = new GeneratedImage(new Uint8Array(12), { width: 2, height: 2 }, 1, 0, { provenance: false });
		const painted = await failure(file, (name) => image.toFile(name));
		expect([painted.message.includes('.tmp'), painted.details.file]).toEqual([false, file]);
		const made = `mkdir(${JSON.stringify(join(folder, 'missing'))}, { recursive: true })`;
		expect(painted.remedy).toBe(`Make its folder first: \`${made}\` of node:fs/promises.`);
		expect(painted.inWordsOf(commandLineWording).remedy).toBe('Check the path.'); // commands make it themselves
	});

	test('absolute, however it was asked for', async () => {
		const file = join(folder, 'missing/a.png');
		const asked = relative('.', file);
		const { problem, details } = await failure(asked);
		expect([problem.includes(asked), details.file]).toEqual([true, file]);
	});

	test.skipIf(process.platform !== 'linux')('where the system names none', async () => {
		// A disk without space.
		const { problem, details } = await failure('/dev/full');
		expect(problem).toBe('Could not write /dev/full: ENOSPC: no space left on device.');
		expect(details).toEqual({ file: '/dev/full', systemCode: 'ENOSPC' });
	});
});

describe('requireWritable', () => {
	test.each(longNames)('lets a legal name pass, and tells whether the file is there (%#)', async (name) => {
		expect(await requireWritable(join(folder, name))).toBe(false);
		expect(await requireWritable(join(folder, 'new/deeper', name))).toBe(false);
		expect(existsSync(join(folder, 'new'))).toBe(false);
		await writeFile(join(folder, name), '');
		expect(await requireWritable(join(folder, name))).toBe(true);
	});

	test.each([
		['a name that is too long', `a${'ä'.repeat(126)}.png`, /ENAMETOOLONG/, 'Choose a shorter name.'],
		['one in a folder that is still to be made', `new/${'a'.repeat(256)}`, /ENAMETOOLONG/, 'Choose a shorter name.'],
		['a folder of such a name', `${'a'.repeat(256)}/a.png`, /ENAMETOOLONG/, 'Choose a shorter name.'],
		['a folder', 'taken', /taken is a folder/, 'Choose another name.'],
		['a file that would have to be a folder', 'file/a.png', /\/file is a file, not a folder\./, 'Choose another name.'],
		['one further down', 'file/b/c/a.png', /\/file is a file, not a folder\./, 'Choose another name.'],
	])('refuses %s', async (_, name, problem, remedy) => {
		await mkdir(join(folder, 'taken'));
		await writeFile(join(folder, 'file'), '');
		const refused = requireWritable(join(folder, name));
		await expect(refused).rejects.toMatchObject({ code: 'FILE_FAILED', remedy });
		await expect(refused).rejects.toThrow(problem);
		expect((await readdir(folder)).sort()).toEqual(['file', 'taken']);
	});

	test('refuses a folder that can only be read', async () => {
		// Root may write anywhere except on a read-only disk.
		const place = isRoot ? '/proc/sys/kernel' : folder;
		if (!isRoot) await chmod(folder, 0o500);
		const refused = requireWritable(join(place, 'a.png'));
		if (isRoot && spawnSync('test', ['-w', place]).status === 0) return await expect(refused).resolves.toBe(false);
		await expect(refused).rejects.toMatchObject({
			code: 'FILE_FAILED',
			details: { systemCode: expect.stringMatching(/^E/) },
		});
	});
});
