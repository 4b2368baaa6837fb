// Whose label is which: what a file of groups may say, and what is refused at once.
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { readGroups } from '../../lib/audit/groups.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';

const folder = temporaryFolder();
const people = ['anna', 'ben', 'clara'].map((name) => ({
	name,
	images: ['1.jpg', '2.jpg'].map((file) => ({ name: `${name}/${file}`, file: folder.path(file) })),
}));

async function csv(text: string, name = 'groups.csv'): Promise<string> {
	await writeFile(folder.path(name), text);
	return folder.path(name);
}

test('labels are those of the file, in its order; a byte order mark, quotes, blanks and line ends do not matter', async () => {
	const text =
		'\ufeffskin, person ,"age, years"\r\ndeep,clara,"50, or more"\r\n\r\n light ,anna,under 50\ndeep,ben,under 50\n';
	const { source, digest, divisions } = await readGroups(await csv(text), people);
	expect(divisions).toEqual([
		{ name: 'skin', labels: ['deep', 'light'], labelOf: [1, 0, 0] },
		{ name: 'age, years', labels: ['50, or more', 'under 50'], labelOf: [1, 1, 0] },
	]);
	expect([source, digest]).toEqual(['groups.csv', createHash('sha256').update(text).digest('hex')]);
});

test('a person may be named by photos, and more than once, with the same labels', async () => {
	const file = await csv('file,hair\nanna/2.jpg,long\nanna/1.jpg,long\nclara/1.jpg,short\nben/2.jpg,long\n');
	const { divisions } = await readGroups(file, people);
	expect(divisions).toEqual([{ name: 'hair', labels: ['long', 'short'], labelOf: [0, 0, 1] }]);
	// A list of photos that says both: the person counts.
	const both = await csv('person,file,hair\nanna,x.jpg,long\nanna,y.jpg,long\nclara,z.jpg,short\nben,w.jpg,long\n');
	expect((await readGroups(both, people)).divisions).toEqual(divisions);
});

const all = 'anna,x\nben,y\nclara,x\n';
test.each<[string, string, string]>([
	['of nothing', '', 'it is empty'],
	['of a header alone', 'person,skin\n', 'Expected labels of "anna", "ben", "clara"'],
	['without people', `name,skin\n${all}`, 'Expected a column person or file'],
	['without labels', 'person\nanna\nben\nclara\n', 'Expected a column of labels beside person'],
	['with a column without a name', `person,skin,\nanna,x,1\n`, 'Expected a name for every column'],
	['with one column twice', 'person,skin,skin\nanna,x,y\n', 'Expected one column "skin"'],
	['with semicolons', 'person;skin\nanna;x\nben;y\nclara;x\n', 'Expected a column person or file in'],
	['with an open quote', 'person,skin\n"anna,x\n', 'Expected a CSV'],
	['with a cell too few', 'person,skin,age\nanna,x\n', 'Expected a CSV'],
	['with nobody in a line', `person,skin\n,x\n${all}`, 'Expected a value for "person" in line 2'],
	['with an empty label', 'person,skin,age\nanna,x,1\nben,,2\nclara,x,1\n', 'Expected a value for "skin" in line 3'],
	['with strangers', `person,skin\n${all}dora,x\nemil,y\n`, 'Nobody in the photos is called "dora", "emil", as'],
	['with photos of nobody', `file,skin\nanna/3.jpg,x\n`, 'No photo is called "anna/3.jpg", as'],
	['without somebody', 'person,skin\nanna,x\nben,y\n', 'Expected labels of "clara" in'],
	['that contradicts itself', `person,skin\n${all}anna,y\n`, 'the same labels of "anna" in lines 2 and 5'],
	['of photos that contradict', 'file,s\nanna/1.jpg,x\nanna/2.jpg,y\n', 'the same labels of "anna" in lines 2 and 3'],
	['of one label', 'person,skin\nanna,x\nben,x\nclara,x\n', 'at least two labels in the column "skin"'],
])('%s is refused', async (_, text, problem) => {
	const file = await csv(text, 'bad.csv');
	await expect(readGroups(file, people)).rejects.toMatchObject({
		code: 'INVALID_ARGUMENT',
		problem: expect.stringContaining(problem),
		details: { file },
	});
});

test('semicolons are told as such', async () => {
	const reading = readGroups(await csv('person;skin\nanna;x\n'), people);
	await expect(reading).rejects.toMatchObject({ remedy: 'Separate the columns by commas.' });
});

test('names tell people apart, not groups: of many strangers and many labels some are named', async () => {
	const many = Array.from({ length: 60 }, (_, i) => ({ name: `p${i}`, images: [] }));
	const rows = many.map(({ name }) => `${name},${name}`).join('\n');
	await expect(readGroups(await csv(`person,who\n${rows}\n`), many)).rejects.toMatchObject({
		problem: expect.stringContaining('at most 50 labels in the column "who"'),
	});
	await expect(readGroups(await csv(`person,who\n${rows}\n`), people)).rejects.toMatchObject({
		problem: expect.stringContaining('"p0", "p1", "p2" and 57 more'),
	});
});

test('a file that is not there is told as such', async () => {
	await expect(readGroups(folder.path('nowhere.csv'), people)).rejects.toMatchObject({ code: 'FILE_FAILED' });
});
