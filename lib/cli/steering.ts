// The options of what steers portraits besides their identity: poses, expressions, references.
import { openBundle } from '../bundle/bundle.ts';
import { describe } from '../options/check.ts';
import type { Feature } from '../options/features.ts';
import type { Pose, SteeringOptions } from '../options/steering.ts';
import { type OptionValues, UsageError } from './command.ts';
import { parseFace } from './face.ts';
import { parseNumber, readList, readNumber } from './values.ts';
import { flagOf } from './wording.ts';

export const steeringOptions = {
	pose: {
		type: 'string',
		value: 'YAW[,PITCH[,ROLL]]',
		help: "how the head is turned, in degrees: to the image's right, up, clockwise, such as 30,0,0",
	},
	control: { type: 'path', value: 'FILE', help: "a picture for the model's ControlNet, instead of --pose" },
	controlScale: { type: 'number', value: 'X', help: 'how strongly either steers, 0 to 2 (default: 1)' },
	expression: { type: 'string', value: 'NAME', help: 'an expression that the model knows by name, or its 55 numbers' },
	expressionScale: { type: 'number', value: 'X', help: 'how strongly it shows, 0 to 2 (default: 1)' },
	reference: { type: 'path', value: 'FILE', help: 'keep what else this photo shows: clothes, light, backdrop' },
	referenceScale: { type: 'number', value: 'X', help: 'how strongly it is kept, 0 to 2 (default: 0.8)' },
	referenceFace: { type: 'string', value: 'FACE', help: 'which face of it is aligned, as for --face' },
	referenceAsIs: { type: 'boolean', help: 'take that photo as it is, without aligning its face' },
} as const;

type Values = OptionValues<typeof steeringOptions>;

/** What a model has to be loaded with for them. */
export function steeringFeatures({ pose, control, expression, reference }: Values): Feature[] {
	const asked = { control: pose ?? control, expression, reference } satisfies Partial<Record<Feature, unknown>>;
	return (Object.keys(asked) as (keyof typeof asked)[]).filter((name) => asked[name] !== undefined);
}

/**
 * In the form of the library.
 *
 * @throws {UsageError} for options that do not go together, or are not written as they should be
 */
export function steeringOf(values: Values & { recipe?: string | undefined }): SteeringOptions {
	const { pose, control, controlScale, expression, expressionScale, recipe } = values;
	const { reference, referenceScale, referenceFace, referenceAsIs } = values;
	if (pose !== undefined && control !== undefined) {
		throw new UsageError('Expected either --pose or --control but received both.');
	}
	requireWith({ controlScale }, '--pose or --control', pose ?? control ?? recipe);
	requireWith({ referenceScale, referenceFace, referenceAsIs }, '--reference', reference);
	if (referenceFace !== undefined && referenceAsIs) {
		throw new UsageError('Expected either --reference-face or --reference-as-is but received both.');
	}
	const scaled = <Scale>(scale: Scale | undefined) => (scale === undefined ? {} : { scale });
	return {
		// Of a recipe's pose.
		...(controlScale !== undefined && { control: { scale: controlScale } }),
		...(pose !== undefined && { control: { pose: parsePose(pose), ...scaled(controlScale) } }),
		...(control !== undefined && { control: { image: control, ...scaled(controlScale) } }),
		...(expression !== undefined && { expression: parseExpression(expression) }),
		...(expressionScale !== undefined && { expressionScale }),
		...(reference !== undefined && {
			reference: {
				photo: reference,
				...scaled(referenceScale),
				...(referenceFace !== undefined && { face: parseFace(referenceFace, '--reference-face') }),
				...(referenceAsIs && { align: false }),
			},
		}),
	};
}

/**
 * Looks at the files and the name of an expression, before a model is loaded.
 *
 * @throws {Arc2FaceError} `INVALID_IMAGE`; `INVALID_ARGUMENT` for an expression that the bundle does not know; `INVALID_BUNDLE`
 */
export async function checkSteering({ control, expression, reference }: SteeringOptions, bundle: string | undefined) {
	// Imported here: without sharp, which it needs, `--help` still answers.
	const { checkPhoto } = await import('../photo.ts');
	if (control?.image !== undefined) await checkPhoto(control.image, 'control.image');
	if (reference !== undefined) await checkPhoto(reference.photo, 'reference.photo');
	if (typeof expression !== 'string') return;
	const { expressionNumbers } = await import('../steering/steering.ts');
	const graphs = { operators: 'standard', precision: 'fp32', features: ['expression'] } as const;
	expressionNumbers(expression, (await openBundle(bundle, graphs)).expressions);
}

function requireWith(options: Record<string, unknown>, needed: string, given: unknown): void {
	const [option] = Object.entries(options).find(([, value]) => value !== undefined) ?? [];
	if (given !== undefined || option === undefined) return;
	throw new UsageError(`Expected ${needed} with ${flagOf(option)} but received none.`);
}

function parsePose(text: string): Pose {
	const numbers = readList(text).map(readNumber);
	if (numbers.length > 3 || numbers.includes(undefined)) {
		throw new UsageError(
			`Expected up to three numbers YAW,PITCH,ROLL, in degrees, for --pose but received ${describe(text)}.`,
			"--pose 30,0,0 turns the face to the image's right, --pose -30,0,0 to its left.",
		);
	}
	const [yaw, pitch, roll] = numbers;
	return { yaw, pitch, roll };
}

function parseExpression(text: string): string | number[] {
	if (!text.includes(',')) return text;
	return text.split(',').map((part) => parseNumber(part, '--expression'));
}
