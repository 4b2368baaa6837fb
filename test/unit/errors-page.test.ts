// docs/errors.md against lib/errors.ts and the server's codes: the page lists the codes with their meanings, and the details with their descriptions.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { detailFields, errorCodes } from '../../lib/errors.ts';
import { packageRoot } from '../../lib/package.ts';
import { serverCodes } from '../../lib/server/problem.ts';

const read = (file: string) => readFileSync(join(packageRoot, file), 'utf8');
const page = read('docs/errors.md');
const [ofLibrary = '', ofServer = ''] = page.split('\n## Codes of the server\n');
/** By code: everything below its heading. */
const sectionsOf = (part: string) =>
	new Map(
		part
			.split(/^### /m)
			.slice(1)
			.map((section) => [section.split('\n')[0]!, section] as const),
	);
const sections = sectionsOf(ofLibrary);
const serverSections = sectionsOf(ofServer);
const codes = Object.keys(errorCodes) as (keyof typeof errorCodes)[];

test('the page has every code and no other, in the order of the table', () => {
	expect(codes.length).toBeGreaterThan(8);
	expect([...sections.keys()]).toEqual(codes);
});

test.each(codes)('%s means on the page what it means in the code, with its details, causes and remedies', (code) => {
	const section = sections.get(code)!;
	expect(section.split('\n')[2]).toBe(errorCodes[code]);
	const [, fields = ''] = /^Details: (.*)$/m.exec(section) ?? [];
	expect(fields.split(', ')).toEqual(
		detailFields[code].length === 0 ? ['none'] : detailFields[code].map((field) => `\`${field}\``),
	);
	const rows = section.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| ---'));
	expect(rows.length).toBeGreaterThan(1);
});

test("the page has the server's codes, each with what it means, its status and what to do", () => {
	const told = [...serverSections].map(([code, section]) => {
		const [, , title, , status, , remedy] = section.split('\n');
		expect(remedy, code).toMatch(/\.$/);
		return { code, title, status };
	});
	expect(told.length).toBeGreaterThan(10);
	expect(told).toEqual(
		Object.entries(serverCodes).map(([code, { status, title }]) => ({ code, title, status: `Status: ${status}` })),
	);
});

test('the page describes every detail as the code does', () => {
	const [, declared = ''] = /^interface Details \{\n(.*?)^\}/ms.exec(read('lib/errors.ts')) ?? [];
	const inCode = [...declared.matchAll(/\/\*\* (.*) \*\/\n\t(\w+): (\w+);/g)].map(
		([, text, field, type]) => `| \`${field}\` | \`${type}\` | ${text} |`,
	);
	expect(inCode.length).toBe(new Set(Object.values(detailFields).flat()).size);
	expect(page.split('\n').filter((line) => /^\| `\w+` \|/.test(line))).toEqual(inCode);
});
