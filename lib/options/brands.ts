// Tells what a value is, from whichever realm or copy of a package: test runners give each file its own realm, where
// `instanceof` fails for everything made outside it.
import { types } from 'node:util';

export const isUint8Array = types.isUint8Array;
export const isFloat32Array = types.isFloat32Array;
export const isDate = types.isDate;

/** 8-bit numbers, which a canvas holds clamped. */
export function isBytes(value: unknown): value is Uint8Array | Uint8ClampedArray {
	return types.isUint8Array(value) || types.isUint8ClampedArray(value);
}

export function isArrayBuffer(value: unknown): value is ArrayBuffer | SharedArrayBuffer {
	return types.isAnyArrayBuffer(value);
}

/** A list or a typed array. */
export function isArrayLike(value: unknown): value is ArrayLike<unknown> {
	return Array.isArray(value) || types.isTypedArray(value);
}

export function isPromise(value: unknown): value is PromiseLike<unknown> {
	return types.isPromise(value);
}

export function isUrl(value: unknown): value is URL {
	return tagOf(value) === 'URL' && typeof (value as URL).href === 'string';
}

/** Polyfills count if they can do what is needed. */
export function isAbortSignal(value: unknown): value is AbortSignal {
	return tagOf(value) === 'AbortSignal' && typeof (value as AbortSignal).throwIfAborted === 'function';
}

/** A `File` is one. */
export function isBlob(value: unknown): value is Blob {
	const tag = tagOf(value);
	return (tag === 'Blob' || tag === 'File') && typeof (value as Blob).arrayBuffer === 'function';
}

/** Node's or the web's. */
export function isStream(value: unknown): boolean {
	if (typeof value !== 'object' || value === null) return false;
	return Symbol.asyncIterator in value || typeof Reflect.get(value, 'getReader') === 'function';
}

/** `{ … }`, not an instance of a class. */
export function isPlainObject(value: object): boolean {
	const prototype: unknown = Object.getPrototypeOf(value);
	return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function tagOf(value: unknown): string {
	return Object.prototype.toString.call(value).slice('[object '.length, -1);
}
