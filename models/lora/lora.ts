// Opens LoRA files: low-rank changes to the linear layers and convolutions of a UNet (Hu et al. 2021, https://arxiv.org/abs/2106.09685).
import { shortened } from '../../lib/errors.ts';
import { openCheckpoint } from '../weights/checkpoint.ts';
import { invalidWeights, longestName } from '../weights/invalid.ts';
import { type Checkpoint, floatTypes, type NamedTensor } from '../weights/reference.ts';
import { readScalars } from '../weights/scalar.ts';
import { elementCount } from '../weights/shape.ts';
import { describeShape } from '../weights/weight-set.ts';
import { type LoraRole, readLoraName } from './names.ts';
import { readPeftConfig } from './peft-config.ts';

/** A LoRA of a UNet: what it adds to each module's weight is strength · up · down. */
export type Lora = Readonly<{
	/** Absolute path. */
	file: string;
	/** By the key of their module: {@link moduleKey}. */
	pairs: ReadonlyMap<string, LoraPair>;
	/** Whether it also has a part for a text encoder, which nothing here uses. */
	hasTextEncoder: boolean;
}>;

export type LoraPair = Readonly<{
	/** [rows, rank], perhaps with axes of size 1 behind. */
	up: NamedTensor;
	/** [rank, …] */
	down: NamedTensor;
	/** alpha / rank, where alpha is the rank unless the file, or PEFT's note, tells another. */
	strength: number;
}>;

export const otherLora = {
	remedy: 'Take a LoRA that was made for this UNet: for the official bundle, one for Stable Diffusion 1.5.',
};

/**
 * Locates the pairs of a LoRA. Of its numbers only the alphas are read.
 *
 * @throws {Arc2FaceError} `INVALID_WEIGHTS`, naming the tensor, for a file that is damaged, of another method, or not whole
 */
export async function openLora(path: string): Promise<Lora> {
	const checkpoint = await openCheckpoint(path);
	const { file } = checkpoint;
	const { modules, others, hasTextEncoder } = sorted(checkpoint);
	if (modules.size === 0) throw notLora(checkpoint, hasTextEncoder);
	const [other, ...more] = others;
	if (other !== undefined) throw otherMethod(file, [other, ...more]);
	const alphas = await readAlphas([...modules.values()].flatMap(({ alpha }) => alpha ?? []));
	const noted = await readPeftConfig(checkpoint);
	const pairs = new Map<string, LoraPair>();
	for (const [module, { down, up, alpha }] of modules) {
		if (down === undefined || up === undefined) {
			const { name: tensor } = (down ?? up ?? alpha)!;
			throw invalidWeights('both tensors of a pair, down and up,', { file, tensor }, 'this one alone');
		}
		const rank = rankOf(down, up);
		const strength = alpha === undefined ? noted(module, rank) : alphas.get(alpha)! / rank;
		pairs.set(module, { down, up, strength });
	}
	return { file, pairs, hasTextEncoder };
}

/** The tensors of the UNet by module and role, and the names of those that are no part of a LoRA. */
function sorted({ tensors, views }: Checkpoint) {
	const modules = new Map<string, { [Role in LoraRole]?: NamedTensor }>();
	const others: string[] = [];
	let hasTextEncoder = false;
	for (const [name, tensor] of tensors) {
		const { part, module, role } = readLoraName(name);
		if (part === 'textEncoder') {
			hasTextEncoder = true;
			continue;
		}
		if (role === undefined) {
			others.push(name);
			continue;
		}
		const known = modules.get(module) ?? {};
		if (known[role] !== undefined) {
			const received = `another besides ${shortened(known[role].name, longestName)}`;
			throw invalidWeights('one tensor of its kind for a module', { file: tensor.file, tensor: name }, received);
		}
		modules.set(module, { ...known, [role]: { ...tensor, name } });
	}
	for (const [name, { file, strides }] of views ?? []) {
		const received = `a view with strides [${strides.join(', ')}]`;
		const remedy = 'Save the tensors as `tensor.contiguous()`.';
		throw invalidWeights('elements in a row', { file, tensor: name }, received, { remedy });
	}
	return { modules, others, hasTextEncoder };
}

/** @throws {Arc2FaceError} `INVALID_WEIGHTS` for tensors that can't be multiplied with each other */
function rankOf(down: NamedTensor, up: NamedTensor): number {
	for (const { file, name: tensor, type, shape } of [down, up]) {
		if (!floatTypes.has(type)) throw invalidWeights('a floating-point type', { file, tensor }, type);
		if (shape.length >= 2 && !shape.includes(0)) continue;
		throw invalidWeights('at least two axes, none of them empty,', { file, tensor }, describeShape(shape));
	}
	const rank = down.shape[0]!;
	if (up.shape[1] === rank) return rank;
	const expected = `rank ${rank} on the second axis, as ${shortened(down.name, longestName)} has it,`;
	throw invalidWeights(expected, { file: up.file, tensor: up.name }, describeShape(up.shape));
}

async function readAlphas(tensors: readonly NamedTensor[]): Promise<ReadonlyMap<NamedTensor, number>> {
	const where = ({ file, name: tensor }: NamedTensor) => ({ file, tensor });
	for (const one of tensors) {
		if (elementCount(one.shape) !== 1) throw invalidWeights('one number', where(one), describeShape(one.shape));
	}
	const alphas = await readScalars(tensors);
	for (const [one, alpha] of alphas) {
		if (!Number.isFinite(alpha)) throw invalidWeights('a finite number', where(one), String(alpha));
	}
	return alphas;
}

/** The error for a file without any pair of a UNet. */
function notLora({ file, tensors }: Checkpoint, hasTextEncoder: boolean) {
	const expected = 'pairs of tensors of a LoRA such as ….lora_down.weight and ….lora_up.weight';
	if (hasTextEncoder) {
		return invalidWeights(`${expected} of a UNet`, file, 'those of a text encoder alone', otherLora);
	}
	const [first] = tensors.keys();
	const received =
		first === undefined ? 'no tensor' : `${tensors.size} others such as ${shortened(first, longestName)}`;
	return invalidWeights(expected, file, received, { remedy: 'Name the file of a LoRA.' });
}

/** Related methods, by what is typical of their tensors' names. */
const methods: readonly (readonly [typical: RegExp, method: string])[] = [
	[/\.(dora_scale|lora_magnitude_vector)/, 'DoRA'],
	[/\.hada_/, 'LoHa'],
	[/\.lokr_/, 'LoKr'],
	[/\.oft_/, 'OFT'],
	[/\.lora_mid\./, "LoCon in Tucker's decomposition"],
];

function otherMethod(file: string, names: readonly [string, ...string[]]) {
	const found = methods.find(([typical]) => names.some((name) => typical.test(name)));
	const received = `${found === undefined ? 'something else' : `a part of ${found[1]}`}${asFor(names)}`;
	const remedy = 'Fuse it into the UNet with the program that it was made for, and load that UNet as part of a bundle.';
	return invalidWeights('a half of a pair or an alpha', { file, tensor: names[0] }, received, { remedy });
}

/** That the first of these tensors is not alone, if so. */
export function asFor([, ...names]: readonly [string, ...string[]]): string {
	if (names.length === 0) return '';
	const shown = names.slice(0, 2).map((name) => shortened(name, longestName));
	return `, as for ${shown.join(' and ')}${names.length > 2 ? ` and ${names.length - 2} more` : ''}`;
}
