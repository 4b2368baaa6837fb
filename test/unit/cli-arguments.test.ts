import { describe, expect, test } from 'vitest';
import { formatBytes } from '../../lib/cli/bytes.ts';
import { type Context, defineCommand, parseCommandLine, UsageError } from '../../lib/cli/command.ts';
import { exitCodeOf } from '../../lib/cli/exit-codes.ts';
import { faceChoice } from '../../lib/cli/face.ts';
import { commandHelp } from '../../lib/cli/help.ts';
import { nearest } from '../../lib/cli/nearest.ts';
import { table } from '../../lib/cli/table.ts';
import { Arc2FaceError } from '../../lib/errors.ts';

const paint = defineCommand({
	name: 'paint',
	summary: 'Paint something',
	positionals: { name: '<photo…>', least: 1, most: 2 },
	options: {
		count: { type: 'number', value: 'N', help: 'how many' },
		out: { type: 'string', value: 'DIR', help: 'where' },
		force: { type: 'boolean', help: 'even so' },
	},
	example: 'arc2face paint anna.jpg',
	run: async ({ values, positionals }) => ({ ...values, positionals }),
	text: ({ positionals }) => positionals.join(' '),
	exitCode: ({ force }) => (force ? 7 : 0),
});

const context: Context = { signal: new AbortController().signal, note() {}, progress() {} };
const run = (...args: string[]) => paint.run(parseCommandLine(args, paint), context);

describe('a command line', () => {
	test('becomes typed values; what was not given is undefined', async () => {
		const { value, text, exitCode } = await run('a.jpg', '--count', '4', '--out=there');
		expect(value).toEqual({ count: 4, out: 'there', force: undefined, positionals: ['a.jpg'] });
		expect([text, exitCode]).toEqual(['a.jpg', 0]);
	});

	test('takes what begins with a minus for a value where it is a number, or tied to its option', async () => {
		expect(await run('a.jpg', '--count', '-4', '--out', '-.5')).toMatchObject({ value: { count: -4, out: '-.5' } });
		expect(await run('a.jpg', '--out=--force')).toMatchObject({ value: { out: '--force', force: undefined } });
	});

	test('gives the exit code that the result means', async () => {
		expect((await run('a.jpg', '--force')).exitCode).toBe(7);
	});

	test.each([
		[['--coutn', '4', 'a.jpg'], 'Did you mean --count?'],
		[['--zebra', 'a.jpg'], 'paint --help'],
		[['-x', 'a.jpg'], 'paint --help'],
		[['--count', 'four', 'a.jpg'], 'Expected a number for --count but received "four"'],
		[['--count', '', 'a.jpg'], 'Expected a number for --count but received ""'],
		[['--count', 'Infinity', 'a.jpg'], '--count'],
		[['a.jpg', '--count'], 'Expected N for --count but received nothing.'],
		[['a.jpg', '--force=yes'], 'Expected no value for --force but received "yes".'],
		[
			['a.jpg', '--out', '--force'],
			'Expected DIR for --out but received "--force". If it is meant, write --out=--force.',
		],
		[[], 'Expected <photo…> for paint but received nothing'],
		[['a.jpg', 'b.jpg', 'c.jpg'], 'received 3 arguments'],
	])('%j is refused', async (args, message) => {
		const refused = (async () => run(...args))();
		await expect(refused).rejects.toBeInstanceOf(UsageError);
		await expect(refused).rejects.toThrow(message);
	});

	test('has a help with every option and the example', () => {
		const help = commandHelp(paint);
		for (const part of ['arc2face paint <photo…>', '--count N', '--out DIR', '--json', '--help', paint.example]) {
			expect(help).toContain(part);
		}
	});
});

describe('nearest', () => {
	test.each([
		['generat', 'generate'],
		['genreate', 'generate'],
		['dcotor', 'doctor'],
		['pul', 'pull'],
		['zebra', undefined],
		['x', undefined],
	])('%s means %s', (word, meant) => {
		expect(nearest(word, ['generate', 'encode', 'detect', 'compare', 'pull', 'doctor'])).toBe(meant);
	});
});

describe('the choice of a face', () => {
	const choose = (face?: string, keypoints?: string) => faceChoice({ face, keypoints });

	test('is the largest unless told otherwise', () => {
		expect([choose(), choose('largest'), choose('only'), choose('2')]).toEqual(['largest', 'largest', 'only', 2]);
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
