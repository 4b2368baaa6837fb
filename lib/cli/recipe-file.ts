// Saved recipes: the files that `arc2face generate --save-recipe` writes.
import { readFile } from 'node:fs/promises';
import { join, parse, resolve } from 'node:path';
import { Arc2FaceError } from '../errors.ts';
import { onDisk } from '../files/on-disk.ts';
import type { GeneratedImage } from '../image.ts';
import { checkRecipe, type Recipe } from '../options/recipe.ts';
import type { Context } from './command.ts';
import { readInput } from './inputs.ts';
import { writeTextFile } from './new-file.ts';
import { nameOf } from './path.ts';

/** The recipe's file beside a portrait's. */
export function recipeFileOf(portrait: string): string {
	const { dir, name } = parse(portrait);
	return join(dir, `${name}.recipe.json`);
}

/** @returns the file */
export async function writeRecipe(portrait: string, image: GeneratedImage): Promise<string> {
	const file = recipeFileOf(portrait);
	await writeTextFile(file, `${JSON.stringify(await image.recipe())}\n`);
	return file;
}

/**
 * @param source - as named on the command line
 * @throws {Arc2FaceError} `FILE_FAILED` when it can't be read, `INVALID_ARGUMENT` when it is no recipe, naming the file
 */
export async function readRecipe(source: string, context: Context): Promise<Recipe> {
	const content = await readInput(source, context);
	const bytes = typeof content === 'string' ? await onDisk('read', content, () => readFile(content)) : content;
	const details = { option: 'recipe', ...(typeof content === 'string' && { file: resolve(content) }) };
	const fail = (why: string, remedy: string | undefined, cause: unknown) =>
		new Arc2FaceError('INVALID_ARGUMENT', `Expected a saved recipe in ${nameOf(source)}: ${why}`, {
			...{ remedy, details, cause },
		});
	let json: unknown;
	try {
		json = JSON.parse(bytes.toString());
	} catch (cause) {
		throw fail('it is no JSON.', 'Save one with `arc2face generate --save-recipe`.', cause);
	}
	try {
		return checkRecipe(json);
	} catch (cause) {
		if (cause instanceof Arc2FaceError) throw fail(cause.problem, cause.remedy, cause);
		throw cause;
	}
}
