// The error for a bad file of weights, and its remedies.
import { Arc2FaceError, shortened } from '../../lib/errors.ts';

/** What is wrong: a file, one of its tensors, or another part. */
export type Subject = string | Readonly<{ file: string; tensor?: string; part?: string }>;

export const remedies = {
	damaged: 'The file is damaged: copy or download it again.',
	otherNetwork: 'The weights and the config.json beside them are of different networks: take both from one model.',
	otherAdapter: 'The adapter was made for another UNet: take one for this model.',
	resave: 'Save the tensors alone, as `model.save_pretrained` or `torch.save(model.state_dict(), …)` do.',
} as const;

/** Characters of a name from a file that messages show. */
export const longestName = 200;

/** The error for a damaged or unsuitable checkpoint. Its remedy is that for damage unless another is given. */
export function invalidWeights(
	expected: string,
	subject: Subject,
	received: string,
	{ cause, remedy = remedies.damaged, systemCode }: { cause?: unknown; remedy?: string; systemCode?: string } = {},
): Arc2FaceError {
	const { file, tensor, part } = typeof subject === 'string' ? { file: subject } : subject;
	const inside = tensor === undefined ? part : `tensor ${tensor}`;
	const where = inside === undefined ? file : `${shortened(inside, longestName)} of ${file}`;
	const details = {
		file,
		...(tensor === undefined ? {} : { tensor: shortened(tensor, longestName) }),
		...(systemCode === undefined ? {} : { systemCode }),
	};
	const problem = `Expected ${expected} for ${where} but received ${received}.`;
	return new Arc2FaceError('INVALID_WEIGHTS', problem, { remedy, details, cause });
}
