// The error of a file of weights, and what people can do about it.
import { Arc2FaceError } from '../../lib/errors.ts';

/** What is wrong: a file, a tensor of it, or another part of it. */
export type Subject = string | Readonly<{ file: string; tensor?: string; part?: string }>;

export const remedies = {
	damaged: 'The file is damaged: copy or download it again.',
	otherNetwork: 'The weights and the config.json beside them are of different networks: take both from one model.',
	resave: 'Save the tensors alone, as `model.save_pretrained` or `torch.save(model.state_dict(), …)` do.',
} as const;

/** Where messages cut a name that comes from a file. */
const longestName = 200;

/** The error of a damaged or unfit checkpoint. Its remedy is that for damage, unless another is given. */
export function invalidWeights(
	expected: string,
	subject: Subject,
	received: string,
	{ cause, remedy = remedies.damaged, systemCode }: { cause?: unknown; remedy?: string; systemCode?: string } = {},
): Arc2FaceError {
	const { file, tensor, part } = typeof subject === 'string' ? { file: subject } : subject;
	const inside = tensor === undefined ? part : `tensor ${tensor}`;
	const where = inside === undefined ? file : `${shorten(inside)} of ${file}`;
	const details = {
		file,
		...(tensor === undefined ? {} : { tensor: shorten(tensor) }),
		...(systemCode === undefined ? {} : { systemCode }),
	};
	const problem = `Expected ${expected} for ${where} but received ${received}.`;
	return new Arc2FaceError('INVALID_WEIGHTS', problem, { remedy, details, cause });
}

/** A name from a file as messages have it. */
export function shorten(name: string): string {
	return name.length > longestName ? `${name.slice(0, longestName)}…` : name;
}
