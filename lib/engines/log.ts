// How much NVIDIA's libraries log to stderr.
import { Arc2FaceError } from '../errors.ts';

/** Environment variable: the least severity of NVIDIA's messages that the core writes to stderr. */
export const logVariable = 'ARC2FACE_LOG';
const severities = ['error', 'warning', 'info', 'verbose'];

/** @throws {Arc2FaceError} `INVALID_ARGUMENT` for a severity that the core does not know */
export function checkLogSeverity(env: NodeJS.ProcessEnv = process.env): void {
	const asked = env[logVariable];
	if (!asked || severities.includes(asked)) return;
	throw new Arc2FaceError(
		'INVALID_ARGUMENT',
		`Expected one of ${severities.join(', ')} for ${logVariable} but received "${asked}".`,
		{ remedy: `Let ${logVariable} be one of these, or unset it.`, details: { variable: logVariable } },
	);
}
