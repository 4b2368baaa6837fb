// The prompts as token ids.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readTokens } from '../../lib/bundle/tokens.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { goldenFolder } from '../golden.ts';

// Ids of the published vocabulary; how they were recorded: test/golden/README.md
const { official, tiny } = JSON.parse(readFileSync(`${goldenFolder}tokens.json`, 'utf8'));
const folder = temporaryFolder();

describe('the tokens of a bundle without a tokens.json', () => {
	test('are those that CLIP gives the prompts', async () => {
		const { prompt, emptyPrompt } = await readTokens(folder.path('.'), official.vocab_size, 77);
		expect(Array.from(prompt)).toEqual(official.prompts['photo of a id person']);
		expect(Array.from(emptyPrompt)).toEqual(official.prompts['']);
		expect(prompt).toHaveLength(official.model_max_length);
	});

	test('are start, five words and end, and the identity takes the place of the word `id`', async () => {
		const { prompt, identityPosition } = await readTokens(folder.path('.'), official.vocab_size, 77);
		const { photo, of, a, id, person } = official.words;
		expect(Array.from(prompt.subarray(0, 7))).toEqual([official.bos, photo, of, a, id, person, official.eos]);
		expect(Array.from(prompt.subarray(0, 7))).toEqual([49406, 1125, 539, 320, 1014, 2533, 49407]);
		expect(identityPosition).toBe(4);
		expect(identityPosition).toBe(official.id_position);
	});

	test.each([
		['a smaller vocabulary', 49407, 77],
		['fewer positions', 49408, 76],
	])('do not do for an encoder with %s, and the error asks for the file', async (_, ids, positions) => {
		const error = readTokens(folder.path('.'), ids, positions);
		await expect(error).rejects.toMatchObject({
			code: 'INVALID_BUNDLE',
			problem: expect.stringContaining(`${ids} ids and takes at most ${positions}`),
			remedy: expect.stringContaining('Take the tokens.json'),
			details: { file: folder.path('tokens.json') },
		});
	});
});

test('the tokens of a bundle with one are its own', async () => {
	const tokens = await readTokens(`${goldenFolder}tiny-sd`, tiny.vocab_size, 77);
	expect(Array.from(tokens.prompt)).toEqual(tiny.prompts['photo of a id person']);
	expect(Array.from(tokens.emptyPrompt)).toEqual(tiny.prompts['']);
	expect(tokens.identityPosition).toBe(tiny.id_position);
});
