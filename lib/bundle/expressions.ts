// The expressions that a bundle knows by name.
import { join } from 'node:path';
import { ConfigFile } from '../../models/config-file.ts';
import { expressionSize } from '../../models/expression-adapter.ts';
import { isThere } from './network-files.ts';

export const expressionsName = 'expressions.json';

/** 55 numbers by name. */
export type Expressions = ReadonlyMap<string, readonly number[]>;

/**
 * Those of `{ "smile": [55 numbers], … }`; none of a bundle without the file.
 *
 * @throws {Arc2FaceError} `INVALID_BUNDLE`, naming the field
 */
export async function readExpressions(bundle: string): Promise<Expressions> {
	const path = join(bundle, expressionsName);
	if (!(await isThere(path))) return new Map();
	const file = await ConfigFile.read(path);
	const expected = `${expressionSize} numbers`;
	return new Map(
		Object.keys(file.fields).map((name) => {
			const numbers = file.numbers(name, expected, () => true);
			if (numbers?.length !== expressionSize) throw file.error(name, expected);
			return [name, numbers];
		}),
	);
}
