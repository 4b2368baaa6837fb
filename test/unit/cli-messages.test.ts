// Messages in the words of their reader: a program passes options, the command line has flags.
import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../lib/cli/command.ts';
import { failureOf } from '../../lib/cli/failure.ts';
import { readIdentity } from '../../lib/cli/identity-file.ts';
import { attempt } from '../../lib/cli/inputs.ts';
import { errorJson, explain } from '../../lib/cli/message.ts';
import { commandLineWording } from '../../lib/cli/wording.ts';
import { Arc2FaceError } from '../../lib/errors.ts';
import { chooseFace, doubtsOf, faceWarnings, referenceUse } from '../../lib/faces/choice.ts';
import type { Face, Point } from '../../lib/geometry.ts';
import { fromNative } from '../../lib/native-error.ts';
import { resolveDetectOptions, resolveEncodeOptions } from '../../lib/options/faces.ts';
import { checkGenerateOptions } from '../../lib/options/generate.ts';
import { resolveLoadOptions } from '../../lib/options/load.ts';
import { checkPhoto } from '../../lib/photo.ts';
import { embeddedBundleWarning, inWordsOf } from '../../lib/warnings.ts';
import { readJson } from '../../models/config-file.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { silentContext } from '../command-line.ts';

const folder = temporaryFolder();
const photo = { name: 'the photo group.jpg', photo: 'group.jpg', data: new Uint8Array(), width: 500, height: 500 };
const face: Face = {
	keypoints: Array<Point>(5).fill([1, 2]),
	box: { x: 9, y: 9, width: 90, height: 90 },
	score: 0.9,
	rotation: 0,
};
const found = (count: number) => ({ faces: Array<Face>(count).fill(face), withBorder: false });

async function thrownBy(work: () => unknown): Promise<Arc2FaceError> {
	try {
		await work();
	} catch (error) {
		return error as Arc2FaceError;
	}
	throw new Error('Nothing was thrown.');
}
const native = (code: string, details: object) => () => {
	throw fromNative(Object.assign(new Error('Some problem.'), { code, details }));
};

describe('an error names options as its reader gives them', () => {
	test.each<[string, () => unknown, string[], string[]]>([
		[
			'no face',
			() => chooseFace(found(0), undefined, photo),
			['`detectionSize`', '`threshold`', '`face`'],
			['--detection-size', '--threshold', '--keypoints'],
		],
		[
			'several faces',
			() => chooseFace(found(3), 'only', photo),
			['`face`', '"largest"', '`detect`'],
			['--face', '`arc2face detect`'],
		],
		[
			'no face in a reference',
			() => chooseFace(found(0), undefined, photo, referenceUse),
			['`reference.face`', '`align: false`'],
			['--reference-as-is'],
		],
		[
			'several faces in a reference',
			() => chooseFace(found(3), 'only', photo, referenceUse),
			['`reference.face`'],
			['--reference-face'],
		],
		['too few faces', () => chooseFace(found(1), 4, photo), ['`face`'], ['--face']],
		['a threshold', () => resolveDetectOptions({ threshold: 2 }), ['`threshold`'], ['--threshold']],
		['a guidance scale', () => checkGenerateOptions({ guidanceScale: 0 }), ['`guidanceScale`'], ['--guidance-scale']],
		[
			'LoRAs',
			() => resolveLoadOptions({ loras: [{ path: '' }] }),
			['`loras`', 'a list'],
			['for --lora but', 'FILE:SCALE'],
		],
		['batch sizes', () => resolveLoadOptions({ batchSizes: [0] }), ['`batchSizes`'], ['--batch-sizes']],
		[
			'memory of a GPU',
			native('OUT_OF_MEMORY', { device: 'cuda:0', network: 'unet' }),
			['`count`', '`batchSizes`'],
			['--count', '--batch-sizes'],
		],
		[
			'numbers that are not finite',
			native('ENGINE_FAILED', { device: 'cuda:0', network: 'unet', tensor: 'x' }),
			["`precision: 'fp32'`"],
			['--precision fp32'],
		],
		['an address', () => checkPhoto('https://example.org/a.jpg'), ['fetch'], ['curl']],
	])('%s', async (_, work, ofProgram, ofCommandLine) => {
		const error = await thrownBy(work);
		const told = explain(error, 'arc2face generate');
		for (const words of ofProgram) {
			expect(error.message).toContain(words);
			expect(told).not.toContain(words);
		}
		for (const words of ofCommandLine) {
			expect(told).toContain(words);
			expect(error.message).not.toContain(words);
		}
		expect(JSON.stringify(errorJson(error, 'arc2face generate'))).toContain(ofCommandLine[0]);
	});

	test('where doctor tells it, too', async () => {
		const error = await thrownBy(() => resolveLoadOptions({ batchSizes: [0] }));
		expect(failureOf(error).problem).toContain('for --batch-sizes but received [0]');
	});

	test.each<[string, object, string]>([
		['seed', { seed: -1 }, 'an integer from 0 to 9007199254740991'],
		['seed', { seed: 1.5 }, 'an integer from 0 to 9007199254740991'],
		['seed', { seed: 1e20 }, 'an integer from 0 to 9007199254740991'],
		['face', { face: 70_000 }, 'largest, only or an index from 0 to 65535'],
	])('and what the command line takes: %s %j', async (option, options, expected) => {
		const error = await thrownBy(() => ('seed' in options ? checkGenerateOptions : resolveEncodeOptions)(options));
		const [value] = Object.values(options);
		expect(errorJson(error, 'arc2face generate')).toMatchObject({
			problem: `Expected ${expected} for --${option} but received ${value}.`,
			remedy: 'See arc2face generate --help.',
		});
		expect(error.problem).toMatch(/one for each image|five keypoints/);
	});

	test('and says what to do about a face that is not there', async () => {
		const told = async (count: number) =>
			errorJson(await thrownBy(() => chooseFace(found(count), 3, photo)), 'arc2face generate');
		expect((await told(1)).remedy).toBe('Leave --face out, or pass 0.');
		expect((await told(2)).remedy).toMatch(/^Pass an index from 0 to 1 for --face; /);
	});

	test('and its message has one beginning, whatever the error', () => {
		const errors = [new UsageError('A.', 'B.'), new Arc2FaceError('NO_FACE', 'A.', { remedy: 'B.' })];
		for (const error of errors) expect(explain(error, 'arc2face detect')).toBe('arc2face: A. B.');
		for (const error of [new UsageError('A.'), new Arc2FaceError('INVALID_ARGUMENT', 'A.')]) {
			expect(explain(error, 'arc2face detect')).toBe('arc2face: A. See arc2face detect --help.');
		}
		expect(explain(new TypeError('a bug'), 'arc2face detect')).toMatch(/^arc2face: TypeError: a bug\n {4}at /);
		expect(errorJson(new TypeError('a bug'), 'arc2face detect')).toEqual({
			code: 'INTERNAL',
			problem: 'a bug',
			details: {},
		});
	});
});

describe('a warning, too', () => {
	test('of the embedded bundle, in one short line', () => {
		const warning = embeddedBundleWarning();
		const told = inWordsOf(commandLineWording, warning).message;
		expect(warning.message).toContain("`bundle: 'tiny'`");
		expect(told).toContain('--bundle tiny');
		for (const text of [warning.message, told]) {
			expect(text).toMatch(/drawn people.*`arc2face pull`.*hide this notice.*tiny/);
			expect(text.length).toBeLessThan(120);
		}
	});

	test('of several faces', () => {
		const [warning] = faceWarnings({ ...face, count: 3 }, photo, { chosen: false, withBorder: false });
		expect(warning!.message).toContain('with `face`: its index, or "largest"');
		expect(inWordsOf(commandLineWording, warning!).message).toContain('with --face: its index, or largest');
		expect(JSON.parse(JSON.stringify(warning))).toEqual({ code: 'SEVERAL_FACES', message: warning!.message });
	});

	test('of a reference: only what may cut it elsewhere', () => {
		const doubtful = {
			...face,
			box: { x: 0, y: 9, width: 20, height: 20 },
			score: 0.6,
			rotation: 90 as const,
			count: 2,
		};
		const warnings = doubtsOf(doubtful, photo, false, referenceUse);
		expect(warnings.map(({ code }) => code)).toEqual(['SEVERAL_FACES', 'UNSURE_FACE', 'TURNED_FACE']);
		expect(warnings[0]!.message).toContain('with `reference.face`');
		expect(inWordsOf(commandLineWording, warnings[0]!).message).toContain('with --reference-face');
		expect(doubtsOf(doubtful, photo, true, referenceUse)).toHaveLength(2);
	});
});

describe('nothing is said twice', () => {
	test('not the name of a photo of several people', async () => {
		const result = await attempt('group.jpg', silentContext(), async () => chooseFace(found(2), 'only', photo));
		expect(result).toMatchObject({
			error: { problem: 'Expected one face in the photo group.jpg, as --face is only, but found 2.' },
		});
	});

	test('not what is wrong with a file of an identity', async () => {
		const missing = await thrownBy(() => readIdentity('nope.json', 'nope.json'));
		expect(missing.problem).toBe("Can't read the identity nope.json: there is no such file.");
		const bytes = Buffer.from('{"name": "a", "version": "1"}');
		const other = await thrownBy(() => readIdentity('-', bytes));
		expect(other.problem).toBe('Expected a saved identity in stdin: it is JSON without an `embedding`.');
		const result = await attempt('-', silentContext(), () => readIdentity('-', bytes));
		expect(result).toMatchObject({ error: { problem: other.problem } });
	});

	test('not what was expected of a config', async () => {
		const file = folder.path('config.json');
		await writeFile(file, '{ "a": 1, }');
		const { problem } = await thrownBy(() => readJson(file));
		expect(problem).toMatch(/^The JSON in .*config\.json is damaged: /);
	});
});
