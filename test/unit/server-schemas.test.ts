// The body of a request for portraits has what `generate` has, within the same bounds.
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { Arc2FaceError } from '../../lib/errors.ts';
import { checkGenerateOptions, type GenerateOptions } from '../../lib/options/generate.ts';
import { portraitsBody } from '../../lib/server/schemas/portraits.ts';

/** Every option, so that a new one has to be decided about here; those that are false are no data. */
const decided: Record<keyof GenerateOptions, boolean> = {
	...{ count: true, preset: true, steps: true, guidanceScale: true, guidanceInterval: true, seed: true, noise: true },
	...{ sampler: true, eta: true, width: true, height: true, latents: true, recipe: true, check: true, preview: true },
	...{ image: true, strength: true, mask: true, overlay: true },
	...{ control: true, expression: true, expressionScale: true, reference: true },
	...{ purpose: true, subject: true, scope: true },
	...{ onStep: false, onPreview: false, signal: false },
	// How files are marked is the server's to decide.
	provenance: false,
};

/** Fields that are not options of `generate`: who is painted, and how the answer looks. */
const others = [
	'identity',
	'identities',
	'photo',
	'face',
	'detectionSize',
	'threshold',
	'format',
	'quality',
	'recipes',
];

test('every option that is data is a field, and no other', () => {
	const data = Object.entries(decided).flatMap(([name, isData]) => (isData ? [name] : []));
	expect(Object.keys(portraitsBody.properties).sort()).toEqual([...data, ...others].sort());
});

describe('bounds', () => {
	const validate = new Ajv2020({ strict: false }).compile(portraitsBody);
	const isTaken = (options: object) => {
		try {
			checkGenerateOptions(options as GenerateOptions);
			return true;
		} catch (error) {
			expect(error).toBeInstanceOf(Arc2FaceError);
			return false;
		}
	};
	const edge = (name: string, ...values: unknown[]) => values.map((value) => [name, value] as const);
	const cases = [
		...edge('count', 0, 1, 1024, 1025, 1.5, '1'),
		...edge('preset', 'draft', 'best', 'worst'),
		...edge('steps', 0, 1, 1000, 1001),
		...edge('guidanceScale', 0.9, 1, 1000, 1000.1, null),
		...edge('guidanceInterval', [0, 1], [0], [-1, 1], [0, 1, 2]),
		...edge('seed', 0, -1, 2 ** 53 - 1, 2 ** 53, [1, 2], []),
		...edge('noise', 'batch', 'per-image', 'none'),
		...edge('sampler', 'dpm++2m', 'lcm', 'dpm'),
		...edge('width', 0, 1, 2048, 2049),
		...edge('check', { minSimilarity: 0.5 }, { minSimilarity: 1.1 }, { tries: 3 }, { minSimilarity: 0, tries: 101 }),
		...edge('expression', 'smile', '', Array(55).fill(0), Array(54).fill(0)),
		...edge('control', { pose: { yaw: 90 } }, { pose: { yaw: 91 } }, { pose: { roll: -61 } }, { pose: {}, scale: 3 }),
		...edge('purpose', 'ads', '', 5),
		...edge('subject', 'anna', ['anna', 'ben'], [], 5),
	];

	test.each(cases)('%s: %j is taken by both or refused by both', (name, value) => {
		expect(validate({ [name]: value })).toBe(isTaken({ [name]: value }));
	});
});
