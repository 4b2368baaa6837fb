// Paths of files and folders as users give them.
import { fileURLToPath } from 'node:url';
import { isUrl } from './brands.ts';
import { describe, invalid, type Rule } from './check.ts';

export const pathRule: Rule = {
	expected: 'a path or a file: URL',
	fits: (value) => (typeof value === 'string' && value !== '' && !value.includes('\0')) || isUrl(value),
};

/**
 * The path that a string, a `file:` URL or the text of one means; a relative path stays relative.
 *
 * @param name - of the option or argument
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`
 */
export function pathOf(value: string | URL, name: string): string {
	if (!pathRule.fits(value)) throw invalid(pathRule.expected, name, describe(value));
	const text = String(value);
	if (!isUrl(value) && !/^file:/i.test(text)) return text;
	try {
		return fileURLToPath(text);
	} catch {
		throw invalid(
			pathRule.expected,
			name,
			describe(text),
			'A file: URL begins with file:/// and names no other machine.',
		);
	}
}
