// The error class, and native errors.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Arc2FaceError, detailFields, errorCodes, problemOf } from '../../lib/errors.ts';
import { fromNative } from '../../lib/native-error.ts';
import { packageRoot } from '../../lib/package.ts';

const native = (file: string) => readFileSync(join(packageRoot, 'native', file), 'utf8');

/** kInvalidArgument → INVALID_ARGUMENT */
function screaming(constant: string): string {
	return constant
		.slice(1)
		.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_')
		.toUpperCase();
}

test('native code has the codes of TypeScript but those of downloads, choices, consent and signatures, and two that TypeScript answers', () => {
	const [, body] = native('error.h').match(/enum class ErrorCode \{([^}]*)\}/)!;
	const constants = body!.match(/k\w+/g)!;
	const own = ['DOWNLOAD_FAILED', 'NO_FACE', 'CONSENT_REQUIRED', 'DENIED', 'LEDGER_DAMAGED', 'SIGNING_FAILED'];
	const shared = Object.keys(errorCodes).filter((code) => !own.includes(code));
	expect(Object.keys(errorCodes)).toEqual(expect.arrayContaining(own));
	const answered = ['CANCELLED', 'INVALID_ENGINE'];
	expect(constants.map(screaming).toSorted()).toEqual([...shared, ...answered].toSorted());
});

test('native code spells its codes as TypeScript does', () => {
	const spelled = [...native('error.cc').matchAll(/case ErrorCode::(k\w+):\s*return "(\w+)";/g)];
	expect(spelled.length).toBeGreaterThan(8);
	for (const [, constant, text] of spelled) expect(text).toBe(screaming(constant!));
});

test('native code has details of the same names, and hands all of them over', () => {
	const [struct] = native('error.h').match(/struct ErrorDetails \{.*?\n\};/s)!;
	const camelCase = (name: string) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
	const members = [...struct.matchAll(/^ {2}\S+ (\w+) = \{\};/gm)].map(([, name]) => camelCase(name!));
	expect(members.length).toBeGreaterThan(4);
	const known: readonly string[] = Object.values(detailFields).flat();
	expect(members.filter((name) => !known.includes(name))).toEqual([]);
	const binding = native('binding/environment.cc');
	expect(members.filter((name) => !binding.includes(`"${name}"`))).toEqual([]);
});

test('an error tells what was wrong, and what to do about it where something helps', () => {
	const known = { remedy: 'Pass another.', details: { photo: 'a.jpg', faces: 0 } };
	const error = new Arc2FaceError('NO_FACE', 'Found no face in a.jpg.', known);
	expect(error).toBeInstanceOf(Error);
	expect(error).toMatchObject({ name: 'Arc2FaceError', message: 'Found no face in a.jpg. Pass another.', ...known });
	const alone = new Arc2FaceError('NO_FACE', 'Found no face in a.jpg.', { remedy: undefined });
	expect(alone).toMatchObject({ message: 'Found no face in a.jpg.', remedy: undefined, details: {} });
});

test('who knows more says the same error again', () => {
	const cause = new Error('why');
	const first = new Arc2FaceError('INVALID_WEIGHTS', 'Bad.', { remedy: 'Pray.', details: { file: '/f' }, cause });
	const { message, code, details } = first.with({ problem: 'Worse.', remedy: 'Act.', details: { tensor: 'x' } });
	expect({ message, code, details }).toEqual({
		message: 'Worse. Act.',
		code: 'INVALID_WEIGHTS',
		details: { file: '/f', tensor: 'x' },
	});
	expect(first.with({ remedy: undefined })).toMatchObject({ problem: 'Bad.', remedy: undefined, cause });
	expect(first.with({})).toMatchObject({ message: 'Bad. Pray.', details: { file: '/f' } });
});

test('an error goes over the wire and to other threads as JSON', () => {
	const error = new Arc2FaceError('INVALID_WEIGHTS', 'Bad.', { remedy: 'Act.', details: { file: '/f' } });
	const plain = { code: 'INVALID_WEIGHTS', problem: 'Bad.', remedy: 'Act.', details: { file: '/f' } };
	expect(JSON.parse(JSON.stringify({ error }))).toEqual({ error: plain });
	expect(structuredClone(error.toJSON())).toEqual(plain);
	expect(structuredClone(error)).toMatchObject({ message: 'Bad. Act.' });
});

test('what went wrong can be had without what to do about it', () => {
	expect(problemOf(new Arc2FaceError('NO_FACE', 'Found no face in a.jpg.'))).toBe('Found no face in a.jpg.');
	expect([new Error('a bug'), 'text'].map(problemOf)).toEqual(['a bug', 'text']);
});

test('a native error becomes one of ours with the native one as its cause; anything else stays what it is', () => {
	const native = Object.assign(new Error('Out of memory in the UNet.'), { code: 'OUT_OF_MEMORY' });
	const error = fromNative(native) as Arc2FaceError;
	expect(error).toMatchObject({ name: 'Arc2FaceError', code: 'OUT_OF_MEMORY', cause: native });
	for (const other of [
		new TypeError('a bug'),
		Object.assign(new Error('x'), { code: 'toString' }),
		'text',
		undefined,
	]) {
		expect(fromNative(other)).toBe(other);
	}
});
