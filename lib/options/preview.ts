// The options of previews.
import { isPlainObject } from './brands.ts';
import { check, integer, invalid, type Rule } from './check.ts';

/** Which previews to make. */
export interface PreviewOptions {
	/** After every how many network evaluations, 1–1000 (default 1). */
	every?: number | undefined;
}

export const previewRule: Rule = {
	expected: 'an object with `every`',
	fits: (value) => typeof value === 'object' && value !== null && isPlainObject(value),
};

type Asked = Readonly<{ preview?: PreviewOptions | undefined; onPreview?: unknown }>;

/**
 * After every how many evaluations there is a preview; undefined where nobody asks for any.
 *
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`
 */
export function resolvePreview({ preview, onPreview }: Asked): number | undefined {
	if (preview !== undefined) check('preview', preview, { every: integer(1, 1000) }, 'preview.');
	if (preview !== undefined && onPreview === undefined) throw invalid('a function with `preview`', 'onPreview', 'none');
	return onPreview === undefined ? undefined : (preview?.every ?? 1);
}
