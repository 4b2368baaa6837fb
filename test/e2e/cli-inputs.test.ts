// The program's inputs, and where its results go: several inputs, pipes, good and bad names.
import { existsSync } from 'node:fs';
import { copyFile, link, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { beforeEach, describe, expect, test } from 'vitest';
import type { OptionValues } from '../../lib/cli/command.ts';
import { forEachPhoto } from '../../lib/cli/inputs.ts';
import type { modelOptions } from '../../lib/cli/model.ts';
import { readEmbeddings } from '../../lib/dataset/identities/file.ts';
import { silentContext } from '../command-line.ts';
import { useProgram } from '../program.ts';

const { current, start, run, shell } = useProgram();
const quick = ['--bundle', 'tiny', '--steps', '1', '--seed', '1'];
const inside = (...names: string[]) => join(current.folder, ...names);

beforeEach(async () => {
	await copyFile(join(import.meta.dirname, '../fixtures/astronaut.png'), inside('anna.png'));
	await sharp({ create: { width: 64, height: 64, channels: 3, background: 'grey' } }).toFile(inside('wall.png'));
	await writeFile(inside('broken.png'), 'not an image');
});

describe('several inputs: each has its result or its error', () => {
	const error = (code: string, problem: string) => ({
		error: { code, problem: expect.stringContaining(problem), details: expect.any(Object) },
	});
	const json = async (code: number, ...args: string[]) => {
		const ended = await run(...args, '--json');
		expect(ended.code).toBe(code);
		return { ...ended, value: JSON.parse(ended.stdout) };
	};

	test('generate', async () => {
		const { value, stderr } = await json(1, 'generate', 'nobody.png', 'anna.png', 'wall.png', ...quick);
		expect(value.results).toMatchObject([
			{ source: 'nobody.png', ...error('INVALID_IMAGE', 'nobody.png') },
			{ source: 'anna.png', portraits: [{ file: 'anna-1.png', seed: 1 }] },
			{ source: 'wall.png', ...error('NO_FACE', 'wall.png') },
		]);
		expect(value.results).toHaveLength(3);
		expect(stderr).toMatch(/^arc2face: .*nobody\.png[\s\S]*^arc2face: .*wall\.png/m);
		expect(existsSync(inside('anna-1.png'))).toBe(true);
	});

	test('generate, for people', async () => {
		const { code, stdout, stderr } = await run('generate', 'anna.png', 'wall.png', ...quick);
		expect(code).toBe(3);
		expect(stdout.trim().split('\n')).toHaveLength(2);
		expect(stdout).toContain('anna-1.png');
		expect(stderr).toContain('Found no face in the photo wall.png');
	});

	test('detect', async () => {
		const { value } = await json(1, 'detect', 'broken.png', 'anna.png', 'wall.png', '--bundle', 'tiny');
		expect(value.results).toMatchObject([
			{ source: 'broken.png', ...error('INVALID_IMAGE', 'broken.png') },
			{ source: 'anna.png', faces: [{ score: expect.any(Number) }] },
			{ source: 'wall.png', faces: [] },
		]);
		const { value: faceless } = await json(3, 'detect', 'anna.png', 'wall.png', '--bundle', 'tiny');
		expect(faceless.results).toHaveLength(2);
	});

	test('encode', async () => {
		const { value } = await json(3, 'encode', 'wall.png', 'anna.png', '--bundle', 'tiny');
		expect(value.results).toMatchObject([
			{ source: 'wall.png', ...error('NO_FACE', 'wall.png') },
			{ source: 'anna.png', identity: { photo: 'anna.png', embedding: { length: 512 } } },
		]);
		const { code } = await run('encode', 'wall.png', 'anna.png', '--bundle', 'tiny', '--out', 'people');
		expect([code, await readdir(inside('people'))]).toEqual([3, ['anna.json']]);
		// All in one array, whose rows are those that have a face.
		const all = ['encode', 'wall.png', 'anna.png', '--bundle', 'tiny', '--out', 'lists/people.npy'];
		const { value: rows } = await json(3, ...all);
		expect(rows.results).toMatchObject([
			{ source: 'wall.png', ...error('NO_FACE', 'wall.png') },
			{ source: 'anna.png', file: 'lists/people.npy', row: 0 },
		]);
		if (process.platform !== 'win32') {
			for (const name of ['people/anna.json', 'lists/people.npy'])
				expect((await stat(inside(name))).mode & 0o777).toBe(0o600);
		}
		const { data } = await readEmbeddings(inside('lists/people.npy'));
		expect(data).toEqual(Float32Array.from(value.results[1].identity.embedding));
		const again = await run(...all);
		expect(again).toMatchObject({ code: 2, stderr: expect.stringMatching(/people\.npy exists already\..*--force/) });
		const forced = await run(...all, '--force');
		expect(forced).toMatchObject({
			code: 3,
			stdout: expect.stringMatching(/person in anna\.png is in row 0 of lists\/people\.npy/),
		});
		const none = await run('encode', 'wall.png', '--bundle', 'tiny', '--out', 'nobody.npy');
		expect([none.code, existsSync(inside('nobody.npy'))]).toEqual([3, false]);
		const { value: one } = await json(1, 'encode', 'nobody.png', '--bundle', 'tiny');
		expect(one.results).toMatchObject([{ source: 'nobody.png', ...error('INVALID_IMAGE', 'nobody.png') }]);
	});

	test('compare', async () => {
		await writeFile(inside('broken.json'), '{');
		const { value, stderr } = await json(1, 'compare', 'broken.json', 'nobody.png');
		expect(value).toMatchObject({
			...{ a: 'broken.json', b: 'nobody.png' },
			failed: [
				{ source: 'broken.json', ...error('INVALID_ARGUMENT', 'broken.json') },
				{ source: 'nobody.png', ...error('INVALID_IMAGE', 'nobody.png') },
			],
		});
		expect(stderr).toMatch(/broken\.json[\s\S]*nobody\.png/);
	});

	test('a result that could not be written is the error of its input', async () => {
		const long = `${'ä'.repeat(124)}abc.png`;
		await copyFile(inside('anna.png'), inside(long));
		const { value } = await json(1, 'generate', long, 'anna.png', ...quick);
		expect(value.results).toMatchObject([
			{ source: long, ...error('FILE_FAILED', 'ENAMETOOLONG') },
			{ source: 'anna.png', portraits: [{ file: 'anna-1.png' }] },
		]);
		const { value: identities } = await json(
			1,
			'encode',
			long,
			'anna.png',
			'--out',
			'people',
			'--bundle',
			'tiny',
			'--force',
		);
		expect(identities.results).toHaveLength(2);
	});

	test('what is wrong with the model ends all of it', async () => {
		const { code, stdout, stderr } = await run('generate', 'anna.png', 'wall.png', '--bundle', 'nowhere', '--json');
		expect(code).toBe(1);
		expect(JSON.parse(stdout)).toMatchObject(error('INVALID_BUNDLE', 'nowhere'));
		expect(stderr.match(/Found no bundle/g)).toHaveLength(1);
	});
});

describe('what is done is told, also where the rest is not', () => {
	const people = ['anna.png', 'berta.png', 'clara.png'] as const;
	beforeEach(async () => {
		for (const name of people.slice(1)) await copyFile(inside('anna.png'), inside(name));
	});
	/** Interrupts once the first result is on disk, while the second is painted. */
	const interrupted = async (...more: string[]) => {
		const { child, ended } = start([
			'generate',
			...people,
			'--bundle',
			'tiny',
			'--steps',
			'300',
			'--seed',
			'1',
			...more,
		]);
		while (!existsSync(inside('anna-1.png')) && child.exitCode === null) await sleep(5);
		child.kill('SIGINT');
		const { code, stdout, stderr } = await ended;
		expect([code, stderr.trim().split('\n').at(-1)]).toEqual([130, 'Interrupted.']);
		const written = (await readdir(current.folder)).filter((name) => name.endsWith('-1.png'));
		expect(written).toContain('anna-1.png');
		expect(written).not.toContain('clara-1.png');
		return { stdout, written: written.sort() };
	};

	test('to a program, when interrupted', async () => {
		const { stdout, written } = await interrupted('--json');
		const { results, error } = JSON.parse(stdout);
		expect(results.map((result: { portraits: [{ file: string }] }) => result.portraits[0].file)).toEqual(written);
		expect(error).toMatchObject({ code: 'INTERRUPTED' });
	});

	test('to people, when interrupted', async () => {
		const { stdout, written } = await interrupted();
		expect(stdout.match(/\S+\.png/g)).toEqual(written);
	});

	test('when an error ends the work of all', async () => {
		const failure = new Error('the model is gone');
		const ends: unknown[] = [];
		const context = silentContext({ endEarly: (error) => ends.push(error) });
		const values = { bundle: 'tiny' } as OptionValues<typeof modelOptions>;
		const sources = people.map((name) => inside(name));
		const allBut = (source: string | undefined) =>
			forEachPhoto(sources, { values, context }, async (_, input) => {
				if (input.source === source) throw failure;
				return { source: input.source };
			});
		expect((await allBut(sources[1])).results).toEqual([{ source: sources[0] }]);
		expect(ends).toEqual([failure]);
		await expect(allBut(sources[0])).rejects.toBe(failure);
	});
});

describe('pipes and other ways to name a file', () => {
	test('a photo comes from stdin, and its portrait goes to stdout', async () => {
		const { code } = await shell(
			`$arc2face generate - ${quick.join(' ')} --no-provenance --out - < anna.png > painted.png`,
		);
		expect(code).toBe(0);
		expect(await sharp(inside('painted.png')).metadata()).toMatchObject({ format: 'png', width: 96 });
		const { stdout } = await shell(`cat anna.png | $arc2face generate - ${quick.join(' ')} --no-provenance`);
		expect(stdout).toContain('stdin-1.png');
		expect((await readFile(inside('stdin-1.png'))).equals(await readFile(inside('painted.png')))).toBe(true);
		const webp = await shell(
			`$arc2face generate anna.png ${quick.join(' ')} --out - --format webp | head -c 12 | tail -c 4`,
		);
		expect(webp.stdout).toBe('WEBP');
	});

	test('encode and compare take one from stdin, and encode writes to stdout', async () => {
		const { stdout } = await shell(
			'$arc2face encode - --bundle tiny --out - < anna.png > a.json; $arc2face compare a.json - --bundle tiny < anna.png',
		);
		expect(stdout).toBe('similarity 1.000\n');
	});

	test('photos come from other pipes, too', async () => {
		const encoded = await shell('$arc2face encode <(cat anna.png) --bundle tiny --out - > a.json; echo $?');
		expect(encoded).toMatchObject({ stdout: '0\n', stderr: expect.not.stringContaining('arc2face: ') });
		const line = 'mkfifo pipe; cat anna.png > pipe & timeout 60 $arc2face compare a.json pipe --bundle tiny';
		expect((await shell(line)).stdout).toBe('similarity 1.000\n');
		const both = await shell('$arc2face detect <(cat broken.png) <(cat wall.png) --bundle tiny');
		expect(both).toMatchObject({ code: 1, stdout: expect.stringMatching(/^\/dev\/fd\/\d+\nno face\n$/) });
		expect(both.stderr).toMatch(/^arc2face: Can't read the photo \/dev\/fd\/\d+: it is /m);
	});

	test('stdin has one name', async () => {
		for (const line of ['detect - < /dev/null', 'detect - < broken.png', 'generate - < broken.png']) {
			const { code, stdout, stderr } = await shell(`$arc2face ${line} --json`);
			const { error } = JSON.parse(stdout).results[0];
			expect([code, error.details]).toEqual([1, { photo: 'stdin' }]);
			expect(error.problem).toMatch(/^Can't read the photo stdin: it is /);
			expect(stderr).toContain(`arc2face: ${error.problem}`);
		}
		const detected = await shell('$arc2face detect - --bundle tiny < anna.png');
		expect(detected.stdout).toMatch(/^stdin\nface /);
		const encoded = await shell('$arc2face encode - --bundle tiny < anna.png');
		expect(encoded.stdout).toMatch(/^The identity of the person in stdin is in stdin\.json /);
		const faceless = await shell('$arc2face encode - --bundle tiny --out - < wall.png');
		expect(faceless.stderr).toMatch(/^arc2face: Found no face in the photo stdin /m);
	});

	test.skipIf(process.platform !== 'linux')('an image does not go to a terminal', async () => {
		const { stdout, code } = await shell(
			`script -qec "$arc2face generate anna.png ${quick.join(' ')} --out -" /dev/null`,
		);
		expect(stdout).toContain('it is a terminal');
		expect(code).toBe(2);
	});

	test('--out may be the file of one portrait, a URL, or begin at the home folder', async () => {
		for (const [out, file] of [
			['new/me.webp', 'new/me.webp'],
			[pathToFileURL(inside('by url')).href, 'by url/anna-1.png'],
			['~/at-home', 'at-home/anna-1.png'],
			['~/one.jpg', 'one.jpg'],
		] as const) {
			const { code } = await start(['generate', pathToFileURL(inside('anna.png')).href, ...quick, '--out', out], {
				HOME: current.folder,
			}).ended;
			expect([out, code, existsSync(inside(file))]).toEqual([out, 0, true]);
		}
		await mkdir(inside('folder.png'));
		await run('generate', 'anna.png', ...quick, '--out', 'folder.png');
		expect(await readdir(inside('folder.png'))).toEqual(['anna-1.png']);
	});
});

describe('names of results are looked at before the work', () => {
	test('one as long as the file system takes is written', async () => {
		const stem = `${'ä'.repeat(124)}a`;
		await copyFile(inside('anna.png'), inside(`${stem}.png`));
		const { code } = await run('generate', `${stem}.png`, ...quick);
		expect(code).toBe(0);
		expect(existsSync(inside(`${stem}-1.png`))).toBe(true);
	});

	test('one that it does not take is refused, and so is a place that is none', async () => {
		const stem = `${'ä'.repeat(124)}ab`;
		await copyFile(inside('anna.png'), inside(`${stem}.png`));
		for (const [args, problem] of [
			[['generate', `${stem}.png`, ...quick], 'ENAMETOOLONG'],
			[['generate', 'anna.png', ...quick, '--out', 'wall.png/portraits'], 'wall.png'],
			[['generate', 'anna.png', ...quick, '--out', 'new/wall.png/'.padEnd(300, 'x')], 'ENAMETOOLONG'],
			[['encode', 'anna.png', '--out', `${'x'.repeat(251)}.json`], 'ENAMETOOLONG'],
		] as const) {
			const { code, stdout, stderr } = await run(...args);
			expect([code, stdout]).toEqual([1, '']);
			expect(stderr).toContain(problem);
			expect(stderr).not.toContain('loading');
		}
	});

	test('one of a format that images are not written in is refused, and is no folder', async () => {
		const { code, stderr } = await run('generate', 'anna.png', ...quick, '--out', 'x.gif');
		expect([code, stderr]).toEqual([2, expect.stringContaining('png, jpg, jpeg, webp, avif')]);
		expect(existsSync(inside('x.gif'))).toBe(false);
	});

	test('no folder is made where nothing is written to it', async () => {
		for (const [args, code] of [
			[['generate', 'nobody.png', '--out', 'a/b'], 1],
			[['generate', 'wall.png', '--out', 'a', '--bundle', 'tiny'], 3],
			[['generate', 'anna.png', '--out', 'a', '--bundle', 'nowhere'], 1],
			[['encode', 'wall.png', '--out', 'a/wall.json', '--bundle', 'tiny'], 3],
		] as const) {
			expect((await run(...args)).code).toBe(code);
			expect(existsSync(inside('a'))).toBe(false);
		}
	});
});

describe('what is missing', () => {
	test('is told alike, whether it was to be a photo or an identity', async () => {
		await writeFile(inside('a.json'), JSON.stringify({ embedding: Array(512).fill(1) }));
		for (const [line, name, code, systemCode, problem] of [
			['detect nope.png', 'photo', 'INVALID_IMAGE', 'ENOENT', 'nope.png: there is no such file.'],
			['generate --identity nope.json', 'identity', 'FILE_FAILED', 'ENOENT', 'nope.json: there is no such file.'],
			['compare a.json nope.json', 'identity', 'FILE_FAILED', 'ENOENT', 'nope.json: there is no such file.'],
			['compare a.json people', 'photo', 'INVALID_IMAGE', 'ENOENT', 'people: there is no such file.'],
			['generate --identity anna.png/a.json', 'identity', 'FILE_FAILED', 'ENOTDIR', 'is a file, not a folder.'],
			['generate --identity .', 'identity', 'FILE_FAILED', 'EISDIR', '.: it is a folder.'],
		] as const) {
			const ended = await run(...line.split(' '), '--json');
			const { results, failed } = JSON.parse(ended.stdout);
			const { error } = (results ?? failed)[0];
			expect([line, ended.code, error.code, error.details.systemCode]).toEqual([line, 1, code, systemCode]);
			expect(error.problem.startsWith(`Can't read the ${name} `)).toBe(true);
			expect(error.problem.endsWith(problem)).toBe(true);
			expect(error.remedy).toBeDefined();
		}
	});

	test.skipIf(process.platform !== 'linux')('is told in plain words where something is written', async () => {
		const line = (out: string) => ['generate', 'anna.png', ...quick, '--out', out];
		const below = await run(...line('anna.png/foo/bar'));
		expect(below).toMatchObject({ code: 1, stderr: expect.stringContaining('/anna.png is a file, not a folder.') });
		const { code, stderr } = await run(...line('/proc/x'));
		expect(code).toBe(1);
		expect(stderr).toMatch(/\/proc\/x\/anna-1\.png: (there is no such folder\.|EACCES)/);
	});
});

describe('an input that is named again is taken once, and that is told', () => {
	test.each([
		['generate', [...quick, '--out', 'one.png']],
		['encode', ['--bundle', 'tiny', '--out', 'people.json']],
		['detect', ['--bundle', 'tiny']],
	])('by %s', async (command, options) => {
		const { code, stdout, stderr } = await run(command, 'anna.png', './anna.png', 'anna.png', ...options, '--json');
		expect([code, JSON.parse(stdout).results.length]).toEqual([0, 1]);
		expect(stderr).toContain('./anna.png was named before, and is taken once.');
		expect(stderr.match(/is taken once/g)).toHaveLength(2);
	});

	test('also stdin', async () => {
		const { code, stdout, stderr } = await shell('$arc2face detect - - --bundle tiny < anna.png');
		expect([code, stdout.match(/^stdin$/gm)?.length]).toEqual([0, 1]);
		expect(stderr).toContain('stdin was named before, and is taken once.');
	});
});

describe('an input is never overwritten', () => {
	const before = async () => {
		const photo = await readFile(inside('anna.png'));
		await copyFile(inside('anna.png'), inside('anna.json'));
		await symlink('anna.png', inside('symbolic.png'));
		await link(inside('anna.png'), inside('hard.png'));
		await link(inside('anna.png'), inside('anna-1.png'));
		await symlink(current.folder, inside('people'));
		return photo;
	};

	test.each([
		['itself', 'generate anna.png --out anna.png'],
		['by its absolute path', 'generate anna.png --out "$PWD/anna.png"'],
		['by a link', 'generate anna.png --out symbolic.png'],
		['by another name of its', 'generate symbolic.png --out hard.png'],
		['by the name of a portrait', 'generate anna.png --seed 1'],
		['by the name of a portrait, in a linked folder', 'generate anna.png --seed 1 --out people'],
		['by the name of a portrait of another input', 'generate wall.png anna-1.png anna.png --seed 1'],
		['by the name of a portrait of a saved identity', 'generate --identity anna-1.png --out anna-1.png'],
		['read from stdin', 'generate - --out anna.png < anna.png'],
		['by an identity', 'encode anna.json --out people/anna.json'],
		['by an identity, in a folder', 'encode anna.json wall.png --out people'],
	])('%s', async (_, line) => {
		const photo = await before();
		for (const more of ['--force', '']) {
			const [, words, rest] = /^([^<]*)(<.*)?$/.exec(line)!;
			const { code, stdout, stderr } = await shell(`$arc2face ${words} ${more} --bundle tiny ${rest ?? ''}`);
			expect([code, stdout]).toEqual([2, '']);
			expect(stderr).toMatch(/inputs are never overwritten\. Choose another place with --out\.$/m);
			expect(stderr).not.toContain('--force');
		}
		for (const name of ['anna.png', 'hard.png', 'anna-1.png', 'anna.json']) {
			expect((await readFile(inside(name))).equals(photo)).toBe(true);
		}
	});

	test('but a portrait of before is, when asked for', async () => {
		await writeFile(inside('anna-1.png'), 'of before');
		expect((await run('generate', 'anna.png', ...quick, '--force')).code).toBe(0);
		expect(await sharp(inside('anna-1.png')).metadata()).toMatchObject({ format: 'png', width: 96 });
	});
});

describe('what is told', () => {
	test.each([
		['a data URL as photo', () => ['detect', `data:image/png;base64,${'iVBORw0K'.repeat(15_000)}`]],
		['words without end', () => ['detect', 'no such photo '.repeat(9000)]],
		['an option', () => ['detect', `--${'x'.repeat(120_000)}`]],
		['a value', () => ['generate', 'anna.png', '--seed', '1'.repeat(120_000).concat('x')]],
		['a command', () => ['x'.repeat(120_000)]],
		['a bundle', () => ['detect', 'anna.png', '--bundle', 'x/'.repeat(60_000)]],
	])('repeats no input without end: %s', async (_, args) => {
		const { code, stderr } = await run(...args());
		expect(code).not.toBe(0);
		expect(stderr.length).toBeGreaterThan(20);
		expect(stderr.length).toBeLessThan(8000);
	});

	test('obeys no control characters of a name', async () => {
		const { stderr } = await run('detect', '\u001b[31mred\u0007.png');
		expect(stderr).toContain('\\x1b[31mred\\x07.png');
		expect(stderr).not.toContain('\u001b');
	});
});
