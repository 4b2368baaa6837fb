// The rooms of the code and the arrows between them: who may know of whom (ARCHITECTURE.md draws them).
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../../lib/package.ts';

const filesBelow = (room: string) =>
	readdirSync(join(packageRoot, room), { recursive: true }).map((file) => join(room, String(file)));
const files = ['lib', 'models', 'native', 'benchmarks']
	.flatMap(filesBelow)
	.filter((file) => !file.startsWith('models/tiny/'));
const typescript = files.filter((file) => file.endsWith('.ts'));
const cpp = files.filter((file) => /\.(cc|cu|h)$/.test(file) && file.startsWith('native/'));
const read = (file: string) => readFileSync(join(packageRoot, file), 'utf8');

/** The files of this package that a file takes something from, types included. */
function importsOf(file: string): string[] {
	const specifiers = [...read(file).matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(([, specifier]) => specifier!);
	return specifiers.map((specifier) => relative(packageRoot, join(packageRoot, dirname(file), specifier)));
}

function includesOf(file: string): string[] {
	const names = [...read(file).matchAll(/^#include "([^"]+)"/gm)].map(([, name]) => name!);
	return names.map((name) => {
		const beside = relative(packageRoot, join(packageRoot, dirname(file), name));
		return existsSync(join(packageRoot, beside)) ? beside : join('native', name);
	});
}

/** A path of files that leads back to its start, or undefined. */
function circleIn(files: readonly string[], arrows: (file: string) => readonly string[]): string[] | undefined {
	const done = new Set<string>();
	const walk = (file: string, path: readonly string[]): string[] | undefined => {
		if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
		if (done.has(file)) return undefined;
		for (const next of arrows(file)) {
			const circle = walk(next, [...path, file]);
			if (circle !== undefined) return circle;
		}
		done.add(file);
		return undefined;
	};
	for (const file of files) {
		const circle = walk(file, []);
		if (circle !== undefined) return circle;
	}
	return undefined;
}

/** `lib/engines/key.ts` → `lib/engines`; what lies in `lib` itself is a room of its own name. */
const roomOf = (file: string) => (file.split('/').length > 2 ? file.split('/').slice(0, 2).join('/') : file);

test('there are files to look at, and every import leads to one', () => {
	expect(typescript.length).toBeGreaterThan(100);
	expect(cpp.length).toBeGreaterThan(100);
	const lost = [...typescript.flatMap(importsOf), ...cpp.flatMap(includesOf)].filter(
		(file) => !existsSync(join(packageRoot, file)),
	);
	expect(lost).toEqual([]);
});

describe('TypeScript', () => {
	test('has no circle of files', () => {
		expect(circleIn(typescript, importsOf)).toBeUndefined();
	});

	test('has no circle of rooms', () => {
		const rooms = [...new Set(typescript.map(roomOf))];
		const arrows = (room: string) => [
			...new Set(
				typescript
					.filter((file) => roomOf(file) === room)
					.flatMap(importsOf)
					.map(roomOf)
					.filter((other) => other !== room),
			),
		];
		expect(circleIn(rooms, arrows)).toBeUndefined();
	});

	test('models knows nothing of lib but its errors', () => {
		const known = typescript
			.filter((file) => file.startsWith('models/'))
			.flatMap(importsOf)
			.filter((file) => !file.startsWith('models/'));
		expect([...new Set(known)]).toEqual(['lib/errors.ts']);
	});

	test('what ships knows nothing of benchmarks and tests', () => {
		const shipped = typescript.filter((file) => !file.startsWith('benchmarks/'));
		expect(shipped.flatMap(importsOf).filter((file) => !/^(lib|models)\//.test(file))).toEqual([]);
	});

	test('the library knows nothing of its command line', () => {
		const commandLine = /^lib\/(cli|commands|doctor)\b/;
		const library = typescript.filter((file) => file.startsWith('lib/') && !commandLine.test(file));
		expect(library.flatMap(importsOf).filter((file) => commandLine.test(file))).toEqual([]);
	});

	test('only native.ts finds the addon', () => {
		const finders = typescript.filter((file) => file.startsWith('lib/') && read(file).includes("'node-gyp-build'"));
		expect(finders).toEqual(['lib/native.ts']);
	});
});

describe('C++', () => {
	test('has no circle of files', () => {
		expect(circleIn(cpp, includesOf)).toBeUndefined();
	});

	test('the rooms know of those below them only', () => {
		const above: Record<string, number> = { binding: 4, pipeline: 3, provider: 2, operations: 2, device: 1 };
		const room = (file: string) => (file === 'native/addon.cc' ? 'binding' : file.split('/')[1]!);
		const arrows = cpp.flatMap((file) => includesOf(file).map((other) => [file, other] as const));
		expect(arrows.some(([from, to]) => room(from) === 'operations' && room(to) === 'device')).toBe(true);
		const upwards = arrows.filter(
			([from, to]) =>
				room(from) !== room(to) && (above[room(from)] ?? 0) <= (above[room(to)] ?? 0) && room(to) in above,
		);
		expect(upwards).toEqual([]);
	});

	test('only the binding includes napi.h', () => {
		const users = cpp.filter((file) => /#include [<"]napi\.h[>"]/.test(read(file)));
		expect(users.length).toBeGreaterThan(0);
		expect(users.filter((file) => file !== 'native/addon.cc' && !file.startsWith('native/binding/'))).toEqual([]);
	});
});

describe('files', () => {
	test('open with their purpose, before anything else', () => {
		const tests = ['unit', 'core', 'e2e', 'native'].flatMap((room) => filesBelow(`test/${room}`));
		const sources = [...files, ...tests].filter((file) => /\.([cm]?[jt]s|cc|cu|h|sh)$/.test(file));
		for (const room of ['lib', 'models', 'benchmarks', 'native', 'test/unit', 'test/core', 'test/e2e', 'test/native']) {
			expect(sources.filter((file) => file.startsWith(`${room}/`)).length, room).toBeGreaterThan(10);
		}
		expect(sources.filter((file) => !/^(#!.*\n)?(\/\/ |\/\*|# )/.test(read(file)))).toEqual([]);
	});
});

describe('sizes', () => {
	test('no file of lib is longer than 300 lines', () => {
		const lengths = typescript
			.filter((file) => file.startsWith('lib/'))
			.map((file) => ({ file, lines: read(file).split('\n').length - 1 }));
		expect(lengths.filter(({ lines }) => lines > 300)).toEqual([]);
	});

	test('lib itself holds at most 14 files', () => {
		expect(typescript.filter((file) => roomOf(file) === file && file.startsWith('lib/')).length).toBeLessThanOrEqual(
			14,
		);
	});
});
