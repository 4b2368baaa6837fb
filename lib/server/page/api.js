// The server's HTTP API, from beside this page.
import { eventsOf } from './events.js';
import { Problem, problemOf, unreachable } from './problems.js';

const keyName = 'arc2face-key';

export class Api {
	#base = new URL('../v1/', import.meta.url);
	#askForKey;

	/** @param {(problem: Problem) => Promise<string | undefined>} askForKey - when the server wants one; undefined for no answer */
	constructor(askForKey) {
		this.#askForKey = askForKey;
	}

	/** The model that paints. */
	async model() {
		const response = await this.#fetch('models', {});
		const { models } = await response.json();
		return models[0];
	}

	/**
	 * Who is in a photo.
	 *
	 * @param {Blob} photo
	 * @param {{ face?: number, signal?: AbortSignal }} options - which face, from 0, the largest
	 */
	async identify(photo, { face, signal } = {}) {
		const body = new FormData();
		if (face !== undefined) body.set('face', JSON.stringify(face));
		body.set('photo', photo, 'photo');
		const response = await this.#fetch('identities', { method: 'POST', body, signal });
		return await response.json();
	}

	/**
	 * Paints, and tells what happens meanwhile.
	 *
	 * @param {object} request - the body
	 * @param {AbortSignal} signal
	 * @returns {AsyncGenerator<{ event: 'step' | 'preview' | 'image', data: any }>} ends when all is painted
	 */
	async *paint(request, signal) {
		const headers = { accept: 'text/event-stream', 'content-type': 'application/json' };
		const response = await this.#fetch('portraits', { method: 'POST', headers, body: JSON.stringify(request), signal });
		try {
			for await (const { event, data } of eventsOf(response.body)) {
				if (event === 'done') return;
				const told = JSON.parse(data);
				if (event === 'problem') throw new Problem(told);
				yield { event, data: told };
			}
		} catch (error) {
			if (error instanceof Problem || error.name === 'AbortError') throw error;
			throw unreachable();
		}
		throw unreachable();
	}

	async #fetch(path, { headers = {}, ...options }) {
		for (;;) {
			const key = sessionStorage.getItem(keyName);
			const authorization = key === null ? {} : { authorization: `Bearer ${key}` };
			const response = await fetch(new URL(path, this.#base), {
				...options,
				headers: { ...headers, ...authorization },
			}).catch((error) => {
				throw error.name === 'AbortError' ? error : unreachable();
			});
			if (response.ok) return response;
			const problem = await problemOf(response);
			if (response.status !== 401) throw problem;
			// Another call may have been given one meanwhile.
			if (sessionStorage.getItem(keyName) !== key) continue;
			const given = await this.#askForKey(problem);
			if (given === undefined) throw problem;
			sessionStorage.setItem(keyName, given);
		}
	}
}
