// What `--json` prints: one object at every ending, of the keys that the help tells.
import { copyFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Command } from '../../lib/cli/command.ts';
import type { CommandTable } from '../../lib/cli/parser.ts';
import { commands } from '../../lib/commands/index.ts';
import { useProgram } from '../program.ts';

const { current, start, run, serve, shell } = useProgram();
const inside = (name: string) => join(current.folder, name);

beforeEach(async () => {
	await copyFile(join(import.meta.dirname, '../fixtures/astronaut.png'), inside('anna.png'));
	await sharp({ create: { width: 64, height: 64, channels: 3, background: 'grey' } }).toFile(inside('wall.png'));
	await writeFile(inside('broken.json'), '{');
});

/** The paths of what was printed, down to those that the help names. */
function pathsOf(value: unknown, known: readonly string[], path = ''): string[] {
	const isNamed =
		known.includes(path) && !known.some((one) => one.startsWith(`${path}.`) || one.startsWith(`${path}[`));
	if (isNamed || typeof value !== 'object' || value === null) return [path];
	if (Array.isArray(value)) return value.flatMap((one) => pathsOf(one, known, `${path}[]`));
	return Object.entries(value).flatMap(([key, one]) => pathsOf(one, known, path === '' ? key : `${path}.${key}`));
}

async function commandOf(name: string): Promise<Command> {
	let entry: CommandTable[string] = { summary: '', commands };
	for (const word of name.split(' ')) entry = (entry as { commands: CommandTable }).commands[word]!;
	return (await (entry as { load: () => Promise<{ default: Command }> }).load()).default;
}

const quick = ['--bundle', 'tiny'];
const nowhere = ['anna.png', '--bundle', 'nowhere'];
const cache = ['--cache-dir', 'cache'];
const libraries = process.env.ARC2FACE_INSIDE ?? join(import.meta.dirname, '../../build/Release/inside/any');
/** Builds engines without a GPU. */
const standIn = { ARC2FACE_PROVIDER: join(dirname(libraries), 'arc2face_stand_in.so') };

describe('its keys are those of the help', () => {
	const printedBy = async (name: string, lines: string[][], env = {}) => {
		const known = Object.keys((await commandOf(name)).json);
		const printed = new Set<string>();
		for (const line of lines) {
			const { stdout } = await start([...name.split(' '), ...line, '--json'], env).ended;
			for (const path of pathsOf(JSON.parse(stdout), known)) printed.add(path);
		}
		return { known, printed: [...printed] };
	};
	/** Both ways. @param rare - keys that need what a test can't bring about everywhere */
	const expectSame = async (name: string, lines: string[][], { env = {}, rare = [''] } = {}) => {
		const { known, printed } = await printedBy(name, lines, env);
		expect(printed.filter((path) => !known.includes(path))).toEqual([]);
		const isPrinted = (path: string) =>
			printed.some((one) => one === path || one.startsWith(`${path}.`) || one.startsWith(`${path}[`));
		expect(known.filter((path) => !isPrinted(path) && !rare.includes(path))).toEqual([]);
	};

	test.each<[string, string[][], { rare?: string[] }?]>([
		[
			'generate',
			[
				['anna.png', 'wall.png', ...quick, '--steps', '1', '--seed', '1'],
				[
					'anna.png',
					...quick,
					...cache,
					'--steps',
					'1',
					'--seed',
					'2',
					'--check',
					'1',
					'--tries',
					'1',
					'--save-recipe',
				],
				nowhere,
			],
			{ rare: ['results[].portraits[].error'] },
		],
		[
			'encode',
			[['anna.png', 'wall.png', ...quick, '--out', 'people'], ['anna.png', ...quick, '--out', 'people.npy'], nowhere],
		],
		['detect', [['anna.png', 'nobody.png', ...quick], nowhere]],
		[
			'compare',
			[
				['anna.png', 'anna.png', ...quick],
				['broken.json', 'nobody.png'],
				[...nowhere, 'wall.png'],
			],
		],
		['doctor', [quick, ['--bundle', 'nowhere']], { rare: ['problems[].problem', 'problems[].remedy'] }],
	])('%s', (name, lines, options) => expectSame(name, lines, options));

	test.skipIf(process.platform !== 'linux')('engines', async () => {
		const line = [...quick, ...cache];
		await expectSame('engines build', [line, [...line, '--device', 'cpu']], { env: standIn });
		const wrong = ['--cache-dir', 'anna.png'];
		await expectSame('engines list', [cache, wrong]);
		await expectSame('engines clean', [cache, [...cache, '--all'], wrong]);
	});

	test('and the help shows them', async () => {
		const { stdout } = await run('generate', '--help');
		for (const path of ['results[].source', 'results[].portraits[].seed', 'results[].error']) {
			expect(stdout).toContain(`\n  ${path} `);
		}
	});
});

describe('a failure of all of it is an object as well, with the same exit code, and told on stderr', () => {
	const first = 'photo.png';
	test.each<[number, string, string[], string]>([
		[2, 'INVALID_ARGUMENT', ['generate', '--cuont', '4'], 'Did you mean --count?'],
		[2, 'INVALID_ARGUMENT', ['genrate'], 'Did you mean generate?'],
		[2, 'INVALID_ARGUMENT', ['encode'], "Missing required argument 'photo'."],
		[
			2,
			'INVALID_ARGUMENT',
			['generate', first, '--count', 'four'],
			'Expected a number for --count but received "four". See arc2face generate --help.',
		],
		[2, 'INVALID_ARGUMENT', ['generate', first, '--count', '0'], '--count'],
		[
			2,
			'INVALID_ARGUMENT',
			['generate', first, '--out', '-'],
			'Expected --json or --out - but received both: each needs stdout for itself.',
		],
		[2, 'INVALID_ARGUMENT', ['pull', '--with', 'controlnte'], 'Did you mean controlnet?'],
		[1, 'INVALID_BUNDLE', ['detect', 'anna.png', '--bundle', 'nowhere'], 'nowhere'],
		[1, 'FILE_FAILED', ['engines', 'list', '--cache-dir', 'anna.png'], 'anna.png'],
	])('%i %s: %j', async (code, name, args, text) => {
		const ended = await run(...args, '--json');
		expect(ended.code).toBe(code);
		const { error, ...others } = JSON.parse(ended.stdout);
		expect(others).toEqual({});
		expect(error).toMatchObject({ code: name, details: expect.any(Object) });
		expect(`${error.problem} ${error.remedy}`).toContain(text);
		expect(ended.stderr.trim().split('\n').at(-1)).toBe(
			`arc2face: ${[error.problem, error.remedy].filter((one) => one !== undefined).join(' ')}`,
		);
	});

	test('an interrupt is one, too', async () => {
		let isAsked = false;
		const endpoint = await serve(() => {
			isAsked = true; // and never answers
		});
		const { child, ended } = start(['pull', '--out', 'bundle', '--json'], { HF_ENDPOINT: endpoint });
		while (!isAsked && child.exitCode === null) await sleep(5);
		child.kill('SIGINT');
		const { code, stdout, stderr } = await ended;
		expect([code, JSON.parse(stdout).error.code]).toEqual([130, 'INTERRUPTED']);
		expect(stderr).toContain('Interrupted.');
	});

	test('after two dashes it is a name', async () => {
		const { stdout, stderr } = await run('detect', '--', '--json');
		expect(stdout).toBe('');
		expect(stderr).toContain("Can't read the photo --json");
	});
});

describe('what is doubtful is told to programs, too', () => {
	const ofModel = { code: 'EMBEDDED_BUNDLE', message: expect.stringContaining('arc2face pull') };
	const ofFace = { code: 'SEVERAL_FACES', message: expect.stringContaining('with --face: its index, or largest') };
	const json = async (...args: string[]) => JSON.parse((await run(...args, '--json')).stdout);
	beforeEach(async () => {
		// Its face alone, with some room around it.
		const face = await sharp(inside('anna.png')).extract({ left: 120, top: 0, width: 220, height: 280 }).toBuffer();
		await sharp({ create: { width: 600, height: 400, channels: 3, background: 'grey' } })
			.composite([60, 320].map((left) => ({ input: face, left, top: 60 })))
			.toFile(inside('group.png'));
	});

	test('by generate', async () => {
		const usual = await json('generate', 'group.png', '--steps', '1', '--seed', '1');
		expect(usual).toMatchObject({
			warnings: [ofModel],
			results: [{ warnings: [ofFace], portraits: [{ warnings: [] }] }],
		});
		const side = ['--width', '128', '--height', '128'];
		const large = await json('generate', 'group.png', '--face', '0', '--steps', '1', '--seed', '2', ...quick, ...side);
		const ofSize = { code: 'UNUSUAL_SIZE', message: expect.stringContaining('128 × 128') };
		expect(large).toMatchObject({
			warnings: [ofSize],
			results: [{ warnings: [], portraits: [{ warnings: [ofSize] }] }],
		});
	});

	test('by generate, where a portrait is not alike enough, and on stderr', async () => {
		const line = ['generate', 'anna.png', ...quick, '--steps', '2', '--seed', '1', '--check', '0.999', '--tries', '2'];
		const { code, stdout, stderr } = await run(...line, '--json');
		const [portrait] = JSON.parse(stdout).results[0].portraits;
		const low = {
			code: 'LOW_SIMILARITY',
			message: expect.stringMatching(/below 0\.999, the best of 2 tries.*--tries/),
		};
		expect(portrait).toMatchObject({ similarity: expect.any(Number), warnings: [low] });
		expect([code, [1, 2].includes(portrait.seed)]).toEqual([0, true]);
		expect(stderr).toContain(`${portrait.file}: ${portrait.warnings[0].message}`);
		const shown = await run(...line, '--force');
		expect(shown.stdout).toMatch(/^portrait +seed +size +similarity\n/);
		expect(shown.stdout).toContain(portrait.similarity.toFixed(2));
		const unchecked = await run(...line.slice(0, -4), '--force');
		expect(unchecked.stdout).not.toContain('similarity');
	});

	test('by generate, from a saved identity', async () => {
		await run('encode', 'anna.png', ...quick);
		const { warnings, results } = await json('generate', '--identity', 'anna.json', '--steps', '1');
		expect([warnings, results[0].warnings]).toEqual([[ofModel], []]);
	});

	test('by encode', async () => {
		const { warnings, results } = await json('encode', 'group.png');
		expect([warnings, results[0].identity.warnings]).toEqual([[ofModel], [ofFace]]);
	});

	test('by detect', async () => {
		const { warnings, results } = await json('detect', 'group.png');
		expect([warnings, results[0].faces.length]).toEqual([[ofModel], 2]);
	});

	test('by compare, also where an input failed', async () => {
		const ofInput = { source: 'group.png', ...ofFace };
		expect((await json('compare', 'anna.png', 'group.png')).warnings).toEqual([ofModel, ofInput]);
		expect((await json('compare', 'group.png', 'wall.png', ...quick)).warnings).toEqual([ofInput]);
	});
});

describe('a saved identity comes from stdin', () => {
	const encode = '$arc2face encode anna.png --bundle tiny --out - 2> /dev/null';

	test('to generate and to compare, which still takes a photo there', async () => {
		const painted = await shell(`${encode} | $arc2face generate --identity - --bundle tiny --steps 1 --seed 1 --json`);
		expect(JSON.parse(painted.stdout).results).toMatchObject([
			{ source: '-', portraits: [{ file: 'stdin-1.png', seed: 1 }] },
		]);
		const compared = await shell(`${encode} | $arc2face compare - anna.png --bundle tiny`);
		expect(compared.stdout).toBe('similarity 1.000\n');
		expect((await shell(`$arc2face compare <(${encode}) <(${encode})`)).stdout).toBe('similarity 1.000\n');
		expect((await shell('$arc2face compare anna.png - --bundle tiny < anna.png')).stdout).toBe('similarity 1.000\n');
	});

	test('or is told not to be one, without its contents', async () => {
		const other = JSON.stringify({ name: 'secret', dependencies: { a: '1' } });
		await writeFile(inside('package.json'), other);
		for (const line of [
			'generate --identity - < package.json',
			'compare - broken.json < package.json',
			'compare package.json broken.json',
		]) {
			const { code, stderr } = await shell(`$arc2face ${line}`);
			expect(code).toBe(2);
			expect(stderr).toMatch(
				/arc2face: Expected a saved identity in (stdin|package\.json): it is JSON without an `embedding`/,
			);
			expect(stderr).not.toContain('secret');
		}
	});
});
