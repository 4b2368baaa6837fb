// The question for an API key, where the server wants one.
import { found, headingOf, make } from './dom.js';

/**
 * @param {import('./problems.js').Problem} problem - what the server said
 * @returns {Promise<string | undefined>} the key that was typed
 */
export async function askForKey(problem) {
	const dialog = found('key');
	if (dialog.open) return undefined;
	let given;
	const input = make('input', { id: 'key-input', type: 'password', required: true, autocomplete: 'off' });
	const form = make(
		'form',
		{ method: 'dialog' },
		make('p', {}, problem.message, ' Ask whoever runs this server for one.'),
		make('div', { className: 'field' }, make('label', { for: 'key-input' }, 'API key'), input),
		make('p', { className: 'quiet' }, 'It is kept until this tab is closed.'),
		make('button', { className: 'main' }, 'Use it'),
	);
	form.onsubmit = () => {
		given = input.value.trim();
	};
	dialog.replaceChildren(headingOf(dialog, 'This server asks for a key'), form);
	dialog.showModal();
	input.focus();
	await new Promise((closed) => dialog.addEventListener('close', closed, { once: true }));
	dialog.replaceChildren();
	return given || undefined;
}
