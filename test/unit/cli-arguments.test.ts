// The parsing of command lines.
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { formatBytes } from '../../lib/cli/bytes.ts';
import { columnsOf } from '../../lib/cli/channels.ts';
import { defineCommand, UsageError } from '../../lib/cli/command.ts';
import { exitCodeOf, worst } from '../../lib/cli/exit-codes.ts';
import { faceChoice } from '../../lib/cli/face.ts';
import { chosenLoras } from '../../lib/cli/loras.ts';
import { localPath, stemOf } from '../../lib/cli/path.ts';
import { table } from '../../lib/cli/table.ts';
import { commands as realCommands } from '../../lib/commands/index.ts';
import { Arc2FaceError } from '../../lib/errors.ts';
import { nearest } from '../../lib/messages/nearest.ts';
import { runLine, silentContext } from '../command-line.ts';

const paint = defineCommand({
	arguments: ['<photo...>'],
	options: {
		count: { type: 'number', value: 'N', help: 'how many' },
		guidanceScale: { type: 'number', value: 'X', help: 'how strongly' },
		out: { type: 'path', value: 'DIR', help: 'where' },
		paper: { type: 'string', value: 'NAME', help: 'on what', choices: ['matt', 'glossy'] },
		colours: { type: 'list', value: 'LIST', help: 'with what' },
		layer: { type: 'repeated', value: 'FILE', help: 'over what' },
		force: { type: 'boolean', help: 'even so' },
	},
	example: 'arc2face paint anna.jpg',
	json: { positionals: 'what was painted' },
	run: async ({ values, positionals }) => ({ ...values, positionals }),
	text: ({ positionals }) => positionals.join(' '),
	exitCode: ({ force }) => (force ? 7 : 0),
});
const frame = defineCommand({
	arguments: [],
	options: { wood: { type: 'string', value: 'NAME', help: 'of what' } },
	example: 'arc2face frame',
	json: { wood: 'of what' },
	run: async ({ values }) => ({ wood: values.wood }),
	text: ({ wood = '' }) => wood,
});
const commands = {
	paint: { summary: 'Paint something', load: async () => ({ default: paint }) },
	store: { summary: 'Keep it', commands: { put: { summary: 'Put it', load: async () => ({ default: paint }) } } },
	frame: {
		summary: 'Frame something',
		load: async () => ({ default: frame }),
		commands: { sell: { summary: 'Sell it', load: async () => ({ default: paint }) } },
	},
	broken: { summary: 'Never loaded', load: () => Promise.reject(new Error('loaded')) },
};
const run = (...args: string[]) => runLine(['paint', ...args], commands);
const parsed = async (...args: string[]) => (await run('a.jpg', ...args)).outcome?.value;

describe('a command line', () => {
	test('becomes typed values; what was not given is not there', async () => {
		const { outcome } = await run('a.jpg', '--count', '4', '--out=there', '--guidance-scale', '2.5');
		expect(outcome?.value).toEqual({ count: 4, out: 'there', guidanceScale: 2.5, positionals: ['a.jpg'] });
		expect([outcome?.text, outcome?.exitCode]).toEqual(['a.jpg', 0]);
	});

	test.each([
		['1e3', 1000],
		[' 5', 5],
		['-4', -4],
		['+.5', 0.5],
		['3.', 3],
	])('%j is the number %d', async (text, number) => {
		expect(await parsed('--count', text)).toMatchObject({ count: number });
	});

	test.each(['four', '', ' ', 'Infinity', '1e999', 'NaN', '0x10', '1_000', '4,5', '--force'])(
		'%j is no number',
		async (text) => {
			const { isFine, outcome, wrong } = await run('a.jpg', '--count', text);
			expect([isFine, outcome]).toEqual([false, undefined]);
			expect(wrong).toBe(`Expected a number for --count but received ${JSON.stringify(text)}.`);
		},
	);

	test('takes what begins with a minus for a value where it is a number, a path or a lone dash', async () => {
		expect(await parsed('--out', '-.5')).toMatchObject({ out: '-.5' });
		expect(await parsed('--out', '-')).toMatchObject({ out: '-' });
		expect(await parsed('--out', './--force')).toMatchObject({ out: './--force' });
	});

	test('ends its options with two dashes', async () => {
		const { outcome } = await run('--count', '2', '--', '--count', '-x.jpg');
		expect(outcome?.value).toEqual({ count: 2, positionals: ['--count', '-x.jpg'] });
	});

	test('may give a list in one go or piece by piece', async () => {
		expect(await parsed('--colours', 'red, blue', '--colours=green')).toMatchObject({
			colours: ['red', 'blue', 'green'],
		});
	});

	test('may repeat an option, whose values are taken as they are', async () => {
		expect(await parsed('--layer', 'red, blue', '--layer=green:0.5')).toMatchObject({
			layer: ['red, blue', 'green:0.5'],
		});
		expect((await run('a.jpg', '--layer', '--force')).wrong).toContain('Expected a value for --layer');
	});

	test('gives the exit code that the result means', async () => {
		expect((await run('a.jpg', '--force')).outcome?.exitCode).toBe(7);
	});

	test.each([
		[['--coutn', '4', 'a.jpg'], 'Did you mean --count?'],
		[['--guidance', '4', 'a.jpg'], 'Did you mean --guidance-scale?'],
		[['--guidance=4', 'a.jpg'], 'Did you mean --guidance-scale?'],
		[['--col', 'red', 'a.jpg'], 'Did you mean --colours?'],
		[['--count', '-1', '--outt', 'x', 'a.jpg'], 'Did you mean --out?'],
		[['--zebra', 'a.jpg'], 'See arc2face paint --help.'],
		[['-x', 'a.jpg'], 'See arc2face paint --help.'],
		[['a.jpg', '--count'], "'--count <N>' argument missing"],
		[['a.jpg', '--force=yes'], 'Did you mean --force?'],
		[
			['a.jpg', '--out', '--force'],
			'Expected a value for --out but received "--force". If a file has this name, write ./--force.',
		],
		[['a.jpg', '--count', '1', '--count', '2'], 'Expected --count once but received it twice.'],
		[['a.jpg', '--paper', 'wet'], 'Expected one of matt, glossy for --paper but received "wet".'],
		[[], "Missing required argument 'photo'."],
	])('%j is refused', async (args, message) => {
		const { isFine, outcome, wrong } = await run(...args);
		expect(wrong).toContain(message);
		expect([isFine, outcome]).toEqual([false, undefined]);
	});

	test('has a help with every option and the example', async () => {
		const { isFine, help } = await run('--help');
		expect(isFine).toBe(true);
		for (const part of [
			'arc2face paint <photo...>',
			'--guidance-scale <X>',
			'--out <DIR>',
			'--json',
			'--help',
			paint.example,
		]) {
			expect(help).toContain(part);
		}
		expect((await runLine(['help', 'paint'], commands)).help).toBe(help);
		expect((await run('-h')).help).toBe(help);
	});
});

describe('LoRAs', () => {
	test('are none unless given', () => expect(chosenLoras({})).toBeUndefined());

	test("begin with the bundle's own, and are files, each with its scale", () => {
		const lora = [
			'a.safetensors',
			'b.safetensors:0.5',
			'~/c:-1',
			'1:2',
			'./d:1:1e-1',
			'e.safetensors:half',
			'C:\\f',
			'lcm',
		];
		expect(chosenLoras({ lora, lcm: true })).toEqual([
			'lcm',
			{ path: 'a.safetensors' },
			{ path: 'b.safetensors', scale: 0.5 },
			{ path: join(homedir(), 'c'), scale: -1 },
			{ path: '1', scale: 2 },
			{ path: './d:1', scale: 0.1 },
			{ path: 'e.safetensors:half' },
			{ path: 'C:\\f' },
			{ path: 'lcm' },
		]);
		expect(chosenLoras({ lora: ['file:///a/b.safetensors:2'] })).toEqual([{ path: '/a/b.safetensors', scale: 2 }]);
		expect(chosenLoras({ lora: ['file:///a/b.safetensors'] })).toEqual([{ path: '/a/b.safetensors' }]);
	});

	test('of a URL that means no path are wrong usage', () => {
		expect(() => chosenLoras({ lora: ['file://there/b'] })).toThrow(UsageError);
		expect(() => chosenLoras({ lora: ['file://there/b'] })).toThrow('for --lora but received "file://there/b"');
	});
});

test('a help is as wide as asked for', async () => {
	// Examples stay whole, to be copied.
	const lines = (text: string) => text.split('\n').filter((line) => !line.startsWith('  arc2face'));
	const widest = (text: string) => Math.max(...lines(text).map((line) => line.length));
	for (const args of [['generate', '--help'], ['--help'], ['engines', 'build', '--help']]) {
		for (const columns of [60, 80, 120]) {
			const { help } = await runLine(args, realCommands, silentContext(), columns);
			expect(widest(help)).toBeLessThanOrEqual(columns);
			expect(widest(help)).toBeGreaterThan(columns - 15);
		}
	}
	const terminal = { isTTY: true, columns: 133 } as NodeJS.WriteStream;
	const pipe = {} as NodeJS.WriteStream;
	expect([columnsOf(terminal, {}), columnsOf(terminal, { COLUMNS: '70' })]).toEqual([133, 70]);
	expect([columnsOf(pipe, {}), columnsOf(pipe, { COLUMNS: '70' }), columnsOf(pipe, { COLUMNS: 'x' })]).toEqual([
		80, 70, 80,
	]);
});

describe('commands', () => {
	test('are listed without being loaded', async () => {
		for (const args of [['--help'], ['help'], ['-h']]) {
			const { isFine, help } = await runLine(args, commands);
			expect(isFine).toBe(true);
			expect(help).toMatch(/broken +Never loaded/);
		}
		const { isFine, help, wrong } = await runLine([], commands);
		expect([isFine, help]).toEqual([false, '']);
		expect(wrong).toMatch(/store +Keep it/);
		await expect(runLine(['broken'], commands)).rejects.toThrow('loaded');
	});

	test('a command may have commands of its own besides', async () => {
		expect((await runLine(['frame', '--wood', 'oak'], commands)).outcome?.text).toBe('oak');
		expect((await runLine(['frame', 'sell', 'a.jpg'], commands)).outcome?.text).toBe('a.jpg');
		expect((await runLine(['frame', 'sell', '--count', '2', 'a.jpg'], commands)).outcome?.value).toMatchObject({
			count: 2,
		});
		const { help } = await runLine(['frame', '--help'], commands);
		expect(help).toMatch(/--wood <NAME> +of what/);
		expect(help).toMatch(/sell +Sell it/);
		expect((await runLine(['frame', 'sell', '--help'], commands)).help).toContain('arc2face frame sell <photo...>');
		expect(await runLine(['frame', 'zebra'], commands)).toMatchObject({ isFine: false, outcome: undefined });
	});

	test('may be in groups', async () => {
		expect((await runLine(['store', 'put', 'a.jpg'], commands)).outcome?.text).toBe('a.jpg');
		expect((await runLine(['store', 'put', '--help'], commands)).help).toContain('arc2face store put <photo...>');
		expect((await runLine(['help', 'store'], commands)).help).toMatch(/put +Put it/);
		expect(await runLine(['store'], commands)).toMatchObject({ isFine: false, help: '' });
	});

	test.each([
		[['piant'], 'Did you mean paint?'],
		[['pa'], 'Did you mean paint?'],
		[['help', 'piant'], 'Did you mean paint?'],
		[['zebra', '--help'], 'There are paint, store, frame, broken.'],
		[['store', 'putt'], 'Did you mean put?'],
		[['store', 'zebra'], 'There are put.'],
		[['toString'], "Unknown command 'toString'."],
	])('%j are none', async (args, message) => {
		const { isFine, help, wrong } = await runLine(args, commands);
		expect([isFine, help]).toEqual([false, '']);
		expect(wrong).toContain(message);
	});
});

describe('a path', () => {
	test('may be written as a URL, or from the home folder, where no shell looks at it', async () => {
		expect(await parsed('--out', pathToFileURL('/a b/ü').href)).toMatchObject({ out: '/a b/ü' });
		expect(await parsed('--out=~/portraits')).toMatchObject({ out: join(homedir(), 'portraits') });
		expect(['~', '~anna', 'a/~', './~'].map((path) => localPath(path))).toEqual([homedir(), '~anna', 'a/~', './~']);
	});

	test('of another machine is refused', () => {
		expect(() => localPath('file://elsewhere/a.jpg')).toThrow(UsageError);
	});

	test('gives its results a name', () => {
		expect(['x/anna.b.jpg', 'file:///x/anna%20b.jpg', '-'].map(stemOf)).toEqual(['anna.b', 'anna b', 'stdin']);
	});
});

describe('nearest', () => {
	test.each([
		['generat', 'generate'],
		['genreate', 'generate'],
		['dcotor', 'doctor'],
		['pul', 'pull'],
		['gen', 'generate'],
		['zebra', undefined],
		['x', undefined],
	])('%s means %s', (word, meant) => {
		expect(nearest(word, ['generate', 'encode', 'detect', 'compare', 'pull', 'doctor'])).toBe(meant);
	});
});

describe('the choice of a face', () => {
	const choose = (face?: string, keypoints?: string) => faceChoice({ face, keypoints });

	test("is the library's unless told otherwise", () => {
		expect([choose(), choose('largest'), choose('only'), choose('2')]).toEqual([undefined, 'largest', 'only', 2]);
	});

	test('may be five points', () => {
		expect(choose(undefined, '1,2,3.5,4,5,6,7,8,9,-10')).toEqual([
			[1, 2],
			[3.5, 4],
			[5, 6],
			[7, 8],
			[9, -10],
		]);
	});

	test.each([
		['smallest', undefined, 'smallest'],
		['-1', undefined, '-1'],
		['only', '1,2,3,4,5,6,7,8,9,10', 'both'],
		[undefined, '1,2,3', 'received 3'],
		[undefined, '1,2,3,4,5,6,7,8,9,x', '"x"'],
	])('%j with keypoints %j is refused', (face, keypoints, message) => {
		expect(() => choose(face, keypoints)).toThrow(message);
	});
});

test('a table has aligned columns, numbers to the right', () => {
	expect(
		table(
			['file', 'size'],
			[
				['a', 1],
				['long name', 1000],
			],
		),
	).toBe(['file       size', 'a             1', 'long name  1000'].join('\n'));
	expect(table(['file'], [])).toBe('file');
});

test.each([
	[0, '0 bytes'],
	[999, '999 bytes'],
	[1000, '1.0 kB'],
	[999_949, '999.9 kB'],
	[999_950, '1.0 MB'],
	[3_438_167_536, '3.4 GB'],
	[5e15, '5000.0 TB'],
])('%i bytes read as %s', (bytes, text) => {
	expect(formatBytes(bytes)).toBe(text);
});

test.each([
	[new UsageError('x'), 2],
	[new Arc2FaceError('INVALID_ARGUMENT', 'x'), 2],
	[new Arc2FaceError('NO_FACE', 'x'), 3],
	[new Arc2FaceError('DOWNLOAD_FAILED', 'x'), 1],
	[new Error('a bug'), 1],
])('%s exits with %i', (error, code) => {
	expect(exitCodeOf(error)).toBe(code);
});

test.each([
	[[], 0],
	[[0, 0], 0],
	[[0, 3], 3],
	[[3, 2, 0], 2],
	[[2, 3, 1], 1],
])('the worst of %j is %i', (codes, code) => {
	expect(worst(codes)).toBe(code);
});
