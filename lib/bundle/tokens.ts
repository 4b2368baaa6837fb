// The prompts of a bundle, as token ids of its text encoder.
import { join } from 'node:path';
import { ConfigFile } from '../../models/config-file.ts';
import { Arc2FaceError } from '../errors.ts';
import { isThere } from './network-files.ts';

/** The text encoder's inputs, as ids of its vocabulary. */
export type Tokens = Readonly<{
	/** The prompt, with a token that stands for the person. */
	prompt: Int32Array;
	/** The empty prompt of the unconditional half, of the same length. */
	emptyPrompt: Int32Array;
	/** Where in the prompt the person's token is: the identity replaces its embedding. */
	identityPosition: number;
}>;

/**
 * Arc2Face's prompts `photo of a id person` and the empty one in CLIP's vocabulary, which only bundles for tests change. From
 * https://huggingface.co/openai/clip-vit-large-patch14: start 49406, end and padding 49407, `id` 1014.
 */
const clipTokens: Tokens = {
	prompt: padded([49406, 1125, 539, 320, 1014, 2533, 49407], 77, 49407),
	emptyPrompt: padded([49406, 49407], 77, 49407),
	identityPosition: 4,
};

/** In the bundle's folder. */
export const tokensName = 'tokens.json';

const bringTokens =
	'Take the tokens.json of the model that the text encoder is from. If its tokens are those of CLIP, correct `vocab_size` and ' +
	"`max_position_embeddings` in the encoder's config.json.";

/**
 * The prompts of a bundle: those of its `tokens.json`, or CLIP's.
 *
 * @param vocabularySize - ids must be below it
 * @param positions - the most tokens that the encoder accepts
 * @throws {Arc2FaceError} `INVALID_BUNDLE`, also without such a file if CLIP's prompts do not fit the encoder
 */
export async function readTokens(folder: string, vocabularySize: number, positions: number): Promise<Tokens> {
	const path = join(folder, tokensName);
	const fits = (id: number) => Number.isInteger(id) && id >= 0 && id < vocabularySize;
	if (!(await isThere(path))) {
		if (clipTokens.prompt.every(fits) && clipTokens.prompt.length <= positions) return clipTokens;
		const encoder = `the text encoder, which has ${vocabularySize} ids and takes at most ${positions} of them`;
		const problem = `Expected a file ${path} but received none, and CLIP's prompts do not fit ${encoder}.`;
		throw new Arc2FaceError('INVALID_BUNDLE', problem, { remedy: bringTokens, details: { file: path } });
	}
	const config = await ConfigFile.read(path);
	const ids = (field: string) => {
		const expected = `at most ${positions} ids below ${vocabularySize}`;
		const numbers = config.numbers(field, expected, fits);
		if (numbers === undefined || numbers.length === 0 || numbers.length > positions)
			throw config.error(field, expected);
		return Int32Array.from(numbers);
	};
	const prompt = ids('prompt');
	const emptyPrompt = ids('empty');
	if (emptyPrompt.length !== prompt.length) throw config.error('empty', `as many ids as in prompt, ${prompt.length},`);
	return { prompt, emptyPrompt, identityPosition: config.integer('identityPosition', [0, prompt.length - 1]) };
}

function padded(ids: readonly number[], length: number, padding: number): Int32Array {
	return Int32Array.from({ length }, (_, i) => ids[i] ?? padding);
}
