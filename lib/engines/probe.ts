// Tries libraries in a separate process.
import { execFile } from 'node:child_process';
import { Arc2FaceError } from '../errors.ts';
import { addonFile, type EngineLibraryPaths } from '../native.ts';
import { logVariable } from './log.ts';

export type ProbedLibrary = {
	/** `TensorRT` or `TensorRT-RTX`; a stand-in has a name of its own. */
	product: string;
	/** Such as `1.6.1.120`. */
	version: string;
};

/** Opening the largest of these libraries takes two seconds where the disk is slow. */
const timeoutMs = 60_000;

/**
 * Opens unknown libraries in a separate process: a file that is not such a library, or a broken one, can end the
 * process that opens it.
 *
 * @throws {Arc2FaceError} `NO_DEVICE`, naming the file: missing, not a library, of another version, or crashing
 */
export function probeLibrary(paths: EngineLibraryPaths): Promise<ProbedLibrary> {
	const argv = ['-e', probe, addonFile(), JSON.stringify(paths)];
	// Electron acts as Node.js when told to. Nobody reads a log there, and an invalid log level is not the library's fault.
	const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1', [logVariable]: '' };
	const options = { env, timeout: timeoutMs, windowsHide: true };
	return new Promise((resolve, reject) => {
		execFile(process.execPath, argv, options, (error, stdout) => {
			const answer = lastLine(stdout);
			if (answer === undefined) reject(deadly(paths, error));
			else if ('version' in answer) resolve(answer);
			else reject(new Arc2FaceError('NO_DEVICE', answer.message, { details: answer.details ?? {} }));
		});
	});
}

/** Plain JavaScript, so that it also runs from a clone. The answer is the last line, since libraries may print too. */
const probe = `
const [addon, paths] = process.argv.slice(1);
let answer;
try {
	answer = require(addon).probeEngines(JSON.parse(paths));
} catch (error) {
	answer = { message: error.message, details: error.details };
}
require('node:fs').writeSync(1, '\\n' + JSON.stringify(answer));
`;

function lastLine(stdout: string): ProbedLibrary | { message: string; details?: { file?: string } } | undefined {
	try {
		return JSON.parse(stdout.slice(stdout.lastIndexOf('\n') + 1));
	} catch {
		return undefined;
	}
}

function deadly({ provider, core }: EngineLibraryPaths, error: unknown): Arc2FaceError {
	const { signal, code } = (error ?? {}) as { signal?: string | null; code?: number | string | null };
	const end = signal ? `with ${signal}` : `with exit code ${code}`;
	const what = core === '' ? provider : `${core} through ${provider}`;
	return new Arc2FaceError('NO_DEVICE', `Could not use ${what}: opening it ended a process ${end}.`, {
		details: { file: core || provider },
		cause: error,
	});
}
