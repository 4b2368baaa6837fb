// Photos in requests: as base64 in JSON, as files in forms, or alone.
import type { Size } from '../../geometry.ts';
import type { JsonObject } from '../../jobs/request.ts';
import { invalid } from '../../options/check.ts';
import { checkPhoto } from '../../photo.ts';
import { ServerError } from '../problem.ts';

/** What a request says: fields as JSON has them, and the photos that were among them. */
export type Body = { fields: JsonObject; files: Record<string, Uint8Array> };

/** The fields that hold photos: by the path in JSON, which is also the name of a file in a form. */
export type PhotoFields = Readonly<Record<string, 'one' | 'several'>>;

/** Where photos lie in the files of a request: `image` may be several. */
export function fileName(field: string, index: number, fields: PhotoFields): string {
	return fields[field] === 'several' ? `${field}.${index}` : field;
}

/**
 * Takes the photos out of JSON.
 *
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for text that is no base64
 */
export function takePhotos(json: JsonObject, photoFields: PhotoFields): Body {
	const fields: Record<string, unknown> = { ...json };
	const files: Record<string, Uint8Array> = {};
	for (const path of Object.keys(photoFields)) {
		const [name = '', part] = path.split('.');
		const holder = part === undefined ? fields : partOf(fields, name);
		const key = part ?? name;
		const value = holder?.[key];
		if (holder === undefined || value === undefined) continue;
		const list = photoFields[path] === 'several' && Array.isArray(value) ? value : [value];
		for (const [index, one] of list.entries()) files[fileName(path, index, photoFields)] = decoded(one, path);
		delete holder[key];
	}
	return { fields: fields as JsonObject, files };
}

/** A copy of it, in the fields, to be changed. */
function partOf(fields: Record<string, unknown>, name: string): Record<string, unknown> | undefined {
	const part = fields[name];
	if (typeof part !== 'object' || part === null || Array.isArray(part)) return undefined;
	const copy = { ...part };
	fields[name] = copy;
	return copy;
}

const dataUrl = /^data:[a-z0-9.+/-]{0,100};base64,/i;

function decoded(value: unknown, path: string): Uint8Array {
	const fail = (received: string) => invalid('a photo in base64, or a data: URL of one', path, received);
	if (typeof value !== 'string') throw fail(value === null ? 'null' : `a ${typeof value}`);
	const text = value.startsWith('data:') ? value.replace(dataUrl, '') : value;
	const bytes = Buffer.from(text, 'base64');
	// Node.js skips what is no base64: the length tells.
	const length = Math.floor((text.replace(/=+$/, '').length * 3) / 4);
	if (bytes.length === 0 || bytes.length !== length) throw fail(`${text.length} characters that are none`);
	return bytes;
}

/**
 * Looks at the headers of photos, before any is decoded.
 *
 * @returns their sizes, by their names
 * @throws {ServerError} `TOO_LARGE`
 * @throws {Arc2FaceError} `INVALID_IMAGE`
 */
export async function requireSmall(files: Body['files'], most: number): Promise<Map<string, Size>> {
	const sizes = new Map<string, Size>();
	for (const [name, bytes] of Object.entries(files)) {
		const { width, height } = await checkPhoto(bytes, name);
		sizes.set(name, { width, height });
		if (width * height <= most) continue;
		throw new ServerError('TOO_LARGE', `The photo \`${name}\` has ${width} × ${height} pixels, more than ${most}.`, {
			remedy: 'Send it in a smaller size: faces need few pixels.',
		});
	}
	return sizes;
}

/** How many pixels they have together. */
export function pixelsOf(sizes: ReadonlyMap<string, Size>): number {
	return [...sizes.values()].reduce((sum, { width, height }) => sum + width * height, 0);
}
