// float32 numbers, little-endian, in base64: as recipes hold them.
import { invalid } from './check.ts';

export function toBase64({ buffer, byteOffset, byteLength }: Float32Array): string {
	return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}

/**
 * @param option - that holds it
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for what is no whole numbers
 */
export function fromBase64(text: string, option: string): Float32Array {
	const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
	if (bytes.length % 4 !== 0)
		throw invalid('float32 numbers, little-endian, in base64,', option, `${bytes.length} bytes`);
	return new Float32Array(bytes.buffer);
}
