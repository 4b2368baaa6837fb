// Whose photos an evaluation is about: folders, CSVs, and portraits that others made.
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readPeople, readPortraits } from '../../lib/evaluation/people.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { isWindows } from '../users.ts';

const folder = temporaryFolder();

async function put(...files: string[]): Promise<void> {
	for (const file of files) {
		await mkdir(dirname(folder.path(file)), { recursive: true });
		await writeFile(folder.path(file), '');
	}
}
async function csv(name: string, text: string): Promise<string> {
	await writeFile(folder.path(name), text);
	return folder.path(name);
}

describe('a folder', () => {
	test('has a person a folder and the photos in the order of their names, by code, whatever else lies there', async () => {
		await put('a/Zoe/10.jpg', 'a/Zoe/2.JPG', 'a/Zoe/notes.txt', 'a/Zoe/.hidden.jpg', 'a/anna/b.png', 'a/anna/a.webp');
		await put('a/empty/notes.txt', 'a/.git/c.jpg', 'a/list.csv', 'a/anna/more/d.jpg');
		const { people, empty } = await readPeople(folder.path('a'));
		expect(people.map(({ name, images }) => [name, images.map((image) => image.name)])).toEqual([
			['Zoe', ['Zoe/10.jpg', 'Zoe/2.JPG']],
			['anna', ['anna/a.webp', 'anna/b.png']],
		]);
		expect(people[1]!.images[0]!.file).toBe(join(folder.path('a'), 'anna', 'a.webp'));
		expect(empty).toEqual(['empty']);
	});

	test.skipIf(isWindows)('may have links to folders', async () => {
		await put('elsewhere/bob/1.jpg', 'linked/ann/1.jpg');
		await symlink(folder.path('elsewhere/bob'), folder.path('linked/bob'));
		expect((await readPeople(folder.path('linked'))).people.map(({ name }) => name)).toEqual(['ann', 'bob']);
	});

	test('with photos of one person alone is refused, saying what is expected', async () => {
		await put('one/anna/1.jpg', 'one/1.jpg');
		await expect(readPeople(folder.path('one'))).rejects.toMatchObject({
			code: 'INVALID_ARGUMENT',
			problem: `Expected photos of at least 2 people in ${folder.path('one')} but found 1.`,
			remedy: 'Pass a folder with one folder of photos a person, or a CSV with the columns person and file.',
		});
	});

	test('that is not there is told as such', async () => {
		const nowhere = folder.path('nowhere');
		await expect(readPeople(nowhere)).rejects.toMatchObject({
			code: 'FILE_FAILED',
			problem: `Could not read the folder ${nowhere}: there is no such folder.`,
		});
		await expect(readPortraits(nowhere, [])).rejects.toMatchObject({
			problem: `Could not read the folder ${nowhere}: there is no such folder.`,
		});
		await expect(readPeople(`${nowhere}.csv`)).rejects.toMatchObject({
			problem: `Could not read ${nowhere}.csv: there is no such file.`,
		});
	});
});

describe('a CSV', () => {
	test('names files relative to it, in its order; other columns, quotes, blanks and a byte order mark do not matter', async () => {
		const file = await csv(
			'list.csv',
			'\ufefffile, year, person\r\n"b, old.jpg",1990,Berta\r\n\r\n a/2.jpg ,1991,Anna\na/1.jpg,1992,Anna\n/photos/c.jpg,1993,Anna\n',
		);
		const { people } = await readPeople(file);
		expect(people.map(({ name, images }) => [name, images.map((image) => image.name)])).toEqual([
			['Anna', ['a/2.jpg', 'a/1.jpg', '/photos/c.jpg']],
			['Berta', ['b, old.jpg']],
		]);
		expect(people[0]!.images.map((image) => image.file)).toEqual([
			...['a/2.jpg', 'a/1.jpg'].map((name) => join(dirname(file), name)),
			'/photos/c.jpg',
		]);
	});

	test.each([
		['without the columns', 'name,file\nAnna,1.jpg\n', 'Expected the columns person and file'],
		['without a file', 'person,file\nAnna,1.jpg\nBerta,\n', 'Expected a person and a file in line 3'],
		['without a person', 'person,file\n,1.jpg\n', 'Expected a person and a file in line 2'],
		['with a cell too many', 'person,file\nAnna,1.jpg,2\n', 'Expected a CSV'],
		['with an open quote', 'person,file\n"Anna,1.jpg\n', 'Expected a CSV'],
		['of one person', 'person,file\nAnna,1.jpg\nAnna,2.jpg\n', 'at least 2 people'],
		['of nobody', '', 'at least 2 people'],
	])('%s is refused', async (_, text, problem) => {
		const file = await csv('bad.csv', text);
		await expect(readPeople(file)).rejects.toMatchObject({
			code: 'INVALID_ARGUMENT',
			problem: expect.stringContaining(problem),
			details: { file },
		});
	});

	test.each(['../anna', 'a/b', 'a\\b', '..', '.', '.hidden', 'a:b', 'a\tb', 'anna.', 'x'.repeat(201)])(
		'can not have a person of the name %j, to whose folder portraits would go',
		async (name) => {
			const file = await csv('names.csv', `person,file\nBerta,1.jpg\n"${name}",2.jpg\n`);
			await expect(readPeople(file)).rejects.toMatchObject({
				code: 'INVALID_ARGUMENT',
				problem: expect.stringContaining('a name that a folder may have for the person in line 3'),
			});
		},
	);
});

describe('portraits that others made', () => {
	const people = ['anna', 'berta', 'clara'].map((name) => ({ name }));

	test('belong to the people whose names their folders have', async () => {
		await put('given/berta/2.png', 'given/berta/1.png', 'given/anna/x.jpg', 'given/dora/1.png');
		const { portraits, unknown } = await readPortraits(folder.path('given'), people);
		expect([...portraits].map(([name, images]) => [name, images.map((image) => image.name)])).toEqual([
			['anna', ['anna/x.jpg']],
			['berta', ['berta/1.png', 'berta/2.png']],
		]);
		expect(unknown).toEqual(['dora']);
	});

	test('of fewer than two of them are refused', async () => {
		await put('few/anna/1.png', 'few/dora/1.png');
		await expect(readPortraits(folder.path('few'), people)).rejects.toMatchObject({
			code: 'INVALID_ARGUMENT',
			problem: expect.stringContaining('portraits of at least 2 of the people'),
		});
	});
});
