// What goes wrong, in the words of whoever knows: a problem has a detail, and a remedy where one is known.
import { make } from './dom.js';

/** In the words of this page, where those of the API are for programs. */
const ownWords = {
	NO_FACE: {
		detail: 'No face was found in this photo.',
		remedy: 'Take one in which the face is larger, sharper or upright.',
	},
	INVALID_IMAGE: {
		detail: 'This file is no photo that can be read.',
		remedy: 'Take a JPEG, PNG, WebP or AVIF file that other programs show.',
	},
};

/** A failure that can be shown. */
export class Problem extends Error {
	/** @param {{ detail: string, remedy?: string, code: string, details?: Record<string, unknown>, requestId?: string, status?: number }} told */
	constructor(told) {
		super(told.detail);
		this.name = 'Problem';
		Object.assign(this, told);
	}
}

/**
 * @param {Response} response - that is no success
 * @returns {Promise<Problem>}
 */
export async function problemOf(response) {
	const { status, statusText, headers } = response;
	const told = await response.json().catch(() => undefined);
	const problem = typeof told?.detail === 'string' ? told : { detail: `The server answered ${status} ${statusText}.` };
	const seconds = Number(headers.get('retry-after') ?? Number.NaN);
	const later = Number.isFinite(seconds)
		? `Try again in ${seconds === 1 ? 'a second' : `${seconds} seconds`}.`
		: undefined;
	return new Problem({ code: 'UNKNOWN', remedy: later, ...problem, ...ownWords[problem.code], status, seconds });
}

/** The connection failed. */
export function unreachable() {
	return new Problem({
		code: 'UNREACHABLE',
		detail: 'The server does not answer.',
		remedy: 'Look whether it is still running, and try again.',
	});
}

/**
 * Shows a failure in place of what was there, and has screen readers say it; none clears the place.
 *
 * @param {Element} place
 * @param {unknown} [error]
 */
export function showProblem(place, error) {
	if (error === undefined || error.name === 'AbortError') return place.replaceChildren();
	const { message, remedy, code, requestId } = error;
	place.replaceChildren(
		make(
			'div',
			{ className: 'problem', role: 'alert' },
			make('p', {}, make('strong', {}, message)),
			remedy !== undefined && make('p', {}, remedy),
			requestId !== undefined && make('p', { className: 'quiet' }, `${code}, request ${requestId}`),
		),
	);
	if (error instanceof Problem === false) console.error(error);
}
