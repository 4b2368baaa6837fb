// float32 numbers, little-endian, in base64: as recipes hold them.

export function toBase64({ buffer, byteOffset, byteLength }: Float32Array): string {
	return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}

export function fromBase64(text: string): Float32Array {
	const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
	return new Float32Array(bytes.buffer);
}
