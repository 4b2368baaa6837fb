// The documentation is true: its programs compile and run, its commands run, its links work.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packageRoot } from '../../lib/package.ts';

const run = promisify(execFile);
const read = (file: string) => readFileSync(join(packageRoot, file), 'utf8');
const { files: packed, repository, homepage, bugs } = JSON.parse(read('package.json'));

/** Pages written by hand; api.md and cli.md are generated, and checked by `npm run docs -- --check`. */
const written = [
	'README.md',
	'docs/guide.md',
	'docs/evaluation.md',
	'docs/audit.md',
	'docs/responsible-use.md',
	'docs/threat-model.md',
	'docs/datasets.md',
	'docs/consent.md',
	'docs/watermark.md',
	'docs/provenance.md',
	'docs/bundles.md',
	'docs/gpu.md',
	'docs/server.md',
	'docs/errors.md',
];
const pages = [
	...written,
	'docs/api.md',
	'docs/cli.md',
	'models/tiny/README.md',
	'models/tiny/MODEL_CARD.md',
	'CHANGELOG.md',
	'ARCHITECTURE.md',
	'CONTRIBUTING.md',
];

type Block = { page: string; line: number; language: string; text: string; notRun: string | undefined };

function blocksOf(page: string): Block[] {
	const blocks: Block[] = [];
	const text = read(page);
	const fenced = /(?:<!-- not run: (?<why>[^\n]+?) -->\n)?^```(?<language>\w*)\n(?<text>.*?)^```$/gms;
	for (const { index, groups } of text.matchAll(fenced)) {
		const line = text.slice(0, index).split('\n').length;
		blocks.push({ page, line, language: groups!.language!, text: groups!.text!, notRun: groups!.why });
	}
	return blocks;
}

const blocks = written.flatMap(blocksOf);
const named = (chosen: readonly Block[]) => chosen.map((block) => ({ name: `${block.page}:${block.line}`, ...block }));

test('every block of code is run, or says why not', () => {
	const languages = new Set(['ts', 'sh', 'text']);
	expect(blocks.filter(({ language }) => !languages.has(language))).toEqual([]);
	expect(blocks.filter(({ language, notRun }) => language === 'text' && notRun !== undefined)).toEqual([]);
	expect(blocks.filter(({ language, notRun }) => language === 'ts' && notRun === undefined).length).toBeGreaterThan(4);
	expect(blocks.filter(({ language, notRun }) => language === 'sh' && notRun === undefined).length).toBeGreaterThan(0);
});

describe('in a project that has the package installed', () => {
	let folder: string;

	beforeAll(async () => {
		folder = await mkdtemp(join(tmpdir(), 'arc2face-docs-'));
		await mkdir(join(folder, 'node_modules/.bin'), { recursive: true });
		await symlink(packageRoot, join(folder, 'node_modules/arc2face-native'));
		for (const name of ['@types', 'csv-parse', 'fastify']) {
			await symlink(join(packageRoot, 'node_modules', name), join(folder, 'node_modules', name));
		}
		const launcher = `#!/bin/sh\nexec '${process.execPath}' '${join(packageRoot, 'dist/lib/cli/launch.cjs')}' "$@"\n`;
		await writeFile(join(folder, 'node_modules/.bin/arc2face'), launcher, { mode: 0o755 });
		await writeFile(join(folder, 'package.json'), '{ "type": "module", "private": true }');
		const photo = (name: string) => join(packageRoot, 'test/fixtures/faces', name);
		await mkdir(join(folder, 'test/fixtures'), { recursive: true });
		await symlink(join(packageRoot, 'test/fixtures/faces'), join(folder, 'test/fixtures/faces'));
		await mkdir(join(folder, 'photos'));
		await copyFile(photo('person-06-0.jpg'), join(folder, 'anna.jpg'));
		await copyFile(photo('person-12-0.jpg'), join(folder, 'ben.jpg'));
		await copyFile(photo('person-06-1.jpg'), join(folder, 'photos/anna-1.jpg'));
		await copyFile(photo('person-06-2.jpg'), join(folder, 'photos/anna-2.jpg'));
		await copyFile(photo('person-25-0.jpg'), join(folder, 'group.jpg'));
		await writeFile(join(folder, 'form-1042.pdf'), 'a signed form');
		await writeFile(join(folder, 'studio.key'), randomBytes(32).toString('base64'));
		for (const [name, person] of [
			['anna', '06'],
			['ben', '12'],
		]) {
			await mkdir(join(folder, 'people', name!), { recursive: true });
			for (const i of [1, 2])
				await copyFile(photo(`person-${person}-${i}.jpg`), join(folder, 'people', name!, `${i}.jpg`));
		}
	});
	afterAll(() => rm(folder, { recursive: true, force: true }));

	// A home of its own, without any official bundle, and a cache.
	const env = () => ({
		...{
			...process.env,
			ARC2FACE_HOME: join(folder, 'home'),
			XDG_CACHE_HOME: join(folder, 'cache'),
			XDG_DATA_HOME: join(folder, 'data'),
			NO_COLOR: '1',
		},
	});

	test('the programs compile, also where strictness goes beyond strict', async () => {
		const programs = blocks.filter(({ language }) => language === 'ts');
		for (const [i, { text }] of programs.entries()) await writeFile(join(folder, `program-${i}.ts`), text);
		const strict = { strict: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true };
		const options = { module: 'nodenext', target: 'es2023', ...strict, types: ['node'], outDir: 'js', rootDir: '.' };
		await writeFile(
			join(folder, 'tsconfig.json'),
			JSON.stringify({ compilerOptions: options, include: ['program-*.ts'] }),
		);
		const compiler = join(packageRoot, 'node_modules/typescript/bin/tsc');
		const { stdout } = await run(process.execPath, [compiler, '-p', folder]).catch((error) => error);
		expect(stdout).toBe('');
	});

	test.each(named(blocks.filter(({ language, notRun }) => language === 'ts' && notRun === undefined)))(
		'the program at $name runs',
		async ({ text }) => {
			const index = blocks.filter(({ language }) => language === 'ts').findIndex((block) => block.text === text);
			// A server runs until it is stopped, and does not say when it is ready, so the program itself polls it.
			const serves = text.includes('.listen(');
			const program = join(folder, `js/program-${index}.js`);
			if (serves)
				await writeFile(program, `${readFileSync(program, 'utf8').replace('listen(8080', 'listen(0')}${askTheServer}`);
			const { stderr } = await run(process.execPath, [program], { cwd: folder, env: env() });
			expect(stderr).not.toMatch(/error/i);
		},
	);

	test.skipIf(!process.features.require_module)('a CommonJS program can require the package', async () => {
		const program = join(folder, 'program.cjs');
		await writeFile(program, "console.log(typeof require('arc2face-native').Arc2Face.load);");
		const { stdout } = await run(process.execPath, [program]);
		expect(stdout).toBe('function\n');
	});

	test.each(named(blocks.filter(({ language, notRun }) => language === 'sh' && notRun === undefined)))(
		'the commands at $name run',
		async ({ text }) => {
			const path = `${join(folder, 'node_modules/.bin')}:${process.env.PATH}`;
			const script = text.replaceAll(/\bnpx arc2face\b/g, 'arc2face');
			await run('bash', ['-euo', 'pipefail', '-c', script], { cwd: folder, env: { ...env(), PATH: path } });
		},
	);

	test('the program that paints an image of a data set again paints the same', async () => {
		const programs = blocks.filter(({ language }) => language === 'ts');
		const index = programs.findIndex(({ text }) => text.includes('paintAgain('));
		const program = join(folder, 'js/again.js');
		const text = readFileSync(join(folder, `js/program-${index}.js`), 'utf8');
		await writeFile(program, `${text}${tellTheDigest}`);
		const { stdout } = await run(process.execPath, [program], { cwd: folder, env: env() });
		const [header, row] = readFileSync(join(folder, 'faces/data/table.csv'), 'utf8').split('\r\n');
		expect(header).toContain('sha256');
		expect(stdout).toMatch(/^[0-9a-f]{64}\n$/);
		expect(row).toContain(`,${stdout.trim()},`);
	});

	test('what they say they write is there', async () => {
		expect(await readdir(folder)).toEqual(
			expect.arrayContaining([
				'anna-42.png',
				'anna-45.png',
				'between.webp',
				'anna.json',
				'anna-3.jpg',
				'anna-5.recipe.json',
				'anna-turned.png',
				'anna-smiling.png',
				'anna-dressed.png',
				'anna-4.png',
				'smiling.png',
				'dressed.png',
			]),
		);
		const portraits = ['anna-42.png', 'anna-43.png', 'anna-44.png', 'anna-45.png'];
		expect(await readdir(join(folder, 'portraits'))).toEqual(expect.arrayContaining(portraits));
		expect(await readdir(join(folder, 'report'))).toEqual(expect.arrayContaining(['report.html', 'report.json']));
	});
});

const tellTheDigest = `
const { createHash } = await import('node:crypto');
console.log(createHash('sha256').update(image.data).digest('hex'));
`;

/** Appended to a program that serves, on a port that is free. */
const askTheServer = `
await new Promise((ready) => server.once('listening', ready));
const { readFile } = await import('node:fs/promises');
const address = \`http://127.0.0.1:\${server.address().port}\`;
const answer = await fetch(address, { method: 'POST', body: await readFile('anna.jpg') });
const type = answer.headers.get('content-type');
if (answer.status !== 200 || type !== 'image/webp') throw new Error(\`answered \${answer.status} \${type}\`);
const bad = await fetch(address, { method: 'POST', body: 'no image' });
if (bad.status !== 422) throw new Error(\`answered \${bad.status}\`);
process.kill(process.pid, 'SIGTERM');
`;

test('scripts that a page names are there', () => {
	const { scripts } = JSON.parse(read('package.json'));
	const named = pages.flatMap((page) =>
		[...read(page).matchAll(/npm run ([a-z][a-z:-]*)/g)].map(([, script]) => ({ page, script })),
	);
	expect(named.length).toBeGreaterThan(10);
	expect(named.filter(({ script }) => !Object.hasOwn(scripts, script!))).toEqual([]);
});

describe('links', () => {
	const linksOf = (page: string) =>
		[
			...read(page)
				.replaceAll(/```.*?```/gs, '')
				.matchAll(/\]\(([^)\s]+)\)/g),
		].map(([, link]) => ({ page, link: link! }));
	const links = pages.flatMap(linksOf).filter(({ link }) => !/^(https?:|mailto:)/.test(link));
	const target = ({ page, link }: { page: string; link: string }) =>
		normalize(join(dirname(page), link.split('#')[0]!));
	/** As GitHub makes them from headings. */
	const anchorsOf = (page: string) => {
		const text = read(page).replaceAll(/```.*?```/gs, '');
		const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
			heading!
				.toLowerCase()
				.replaceAll(/[^\p{L}\p{N} _-]/gu, '')
				.replaceAll(' ', '-'),
		);
		// The second of a name is numbered 1.
		const numbered = headings.map((name, i) => {
			const before = headings.slice(0, i).filter((other) => other === name).length;
			return before === 0 ? name : `${name}-${before}`;
		});
		return new Set([...numbered, ...[...text.matchAll(/<a id="([^"]+)">/g)].map(([, id]) => id!)]);
	};

	test('lead to files and headings that are there', () => {
		expect(links.length).toBeGreaterThan(20);
		const lost = links.filter(({ page, link }) => {
			const file = link.startsWith('#') ? page : target({ page, link });
			if (!existsSync(join(packageRoot, file))) return true;
			const anchor = link.split('#')[1];
			return anchor !== undefined && file.endsWith('.md') && !anchorsOf(file).has(anchor);
		});
		expect(lost).toEqual([]);
	});

	test('lead to files that are packed, or to the web', () => {
		const always = ['README.md', 'LICENSE', 'package.json'];
		const isPacked = (file: string) => {
			const rules = (packed as string[]).filter(
				(rule) => rule.replace('!', '') === file || file.startsWith(`${rule.replace('!', '')}/`),
			);
			return always.includes(file) || (rules.length > 0 && rules.every((rule) => !rule.startsWith('!')));
		};
		const left = links.filter(({ page, link }) => !link.startsWith('#') && !isPacked(target({ page, link })));
		expect(left).toEqual([]);
	});

	test('package.json says where the package comes from', () => {
		expect([repository?.url, homepage, bugs?.url]).toEqual([
			expect.stringMatching(/^git\+https:\/\//),
			expect.stringMatching(/^https:\/\//),
			expect.stringMatching(/^https:\/\//),
		]);
	});
});
