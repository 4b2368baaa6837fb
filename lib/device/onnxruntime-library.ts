// Finds ONNX Runtime, which runs networks on the CPU.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { Arc2FaceError } from '../errors.ts';

/** Environment variable that names another ONNX Runtime library than that of the onnxruntime-node package. */
export const libraryVariable = 'ARC2FACE_ONNXRUNTIME';

/** The library's file in each platform's folder of onnxruntime-node. */
const libraryNames: Partial<Record<NodeJS.Platform, string>> = {
	darwin: 'libonnxruntime.1.dylib',
	linux: 'libonnxruntime.so.1',
	win32: 'onnxruntime.dll',
};

/**
 * The library that runs networks on the CPU. Only looks for files: whether the library works shows when it is opened.
 *
 * @returns its path, and where it comes from, for people
 * @throws {Arc2FaceError} `NO_DEVICE`, saying where it was looked for
 */
export function findOnnxRuntime(): { library: string; origin: string } {
	const named = process.env[libraryVariable];
	if (named) {
		const library = resolve(named);
		if (existsSync(library)) return { library, origin: `as ${libraryVariable} says` };
		throw new Arc2FaceError(
			'NO_DEVICE',
			`Found no ONNX Runtime library at ${library}, which ${libraryVariable} names.`,
			{ remedy: onnxRuntimeRemedy(), details: { file: library, variable: libraryVariable } },
		);
	}
	const name = libraryNames[process.platform];
	const host = `${process.platform}-${process.arch}`;
	if (name === undefined) {
		const remedy = `Let ${libraryVariable} name an ONNX Runtime library for this system.`;
		throw new Arc2FaceError('NO_DEVICE', `onnxruntime-node has no library for ${host}.`, { remedy });
	}
	const library = join(packageFolder(), 'bin', 'napi-v6', process.platform, process.arch, name);
	if (existsSync(library)) return { library, origin: 'of onnxruntime-node' };
	throw new Arc2FaceError('NO_DEVICE', `Found no ONNX Runtime library for ${host} at ${library}.`, {
		remedy: onnxRuntimeRemedy(),
		details: { file: library },
	});
}

/** What to do about a library that is missing or does not work. */
export function onnxRuntimeRemedy(): string {
	if (process.env[libraryVariable])
		return `Let ${libraryVariable} name a library of ONNX Runtime 1.23 or newer, or unset it.`;
	return `Run \`npm install --ignore-scripts onnxruntime-node\`, or let ${libraryVariable} name a library of ONNX Runtime 1.23 or newer.`;
}

/** Resolved without loading the package: its JavaScript would block the event loop while networks run. */
function packageFolder(): string {
	try {
		return dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
	} catch (cause) {
		throw new Arc2FaceError('NO_DEVICE', 'The package onnxruntime-node is not installed.', {
			remedy: onnxRuntimeRemedy(),
			cause,
		});
	}
}
