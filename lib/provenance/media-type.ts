// What C2PA calls the formats of files.

/** @param format - in sharp's words, which has AVIF as HEIF, and no other HEIF */
export function mediaTypeOf(format: string): string {
	return `image/${format === 'heif' ? 'avif' : format}`;
}
