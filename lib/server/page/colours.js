// The switch between light and dark.
import { iconOf } from './dom.js';

const system = matchMedia('(prefers-color-scheme: dark)');

/** @param {HTMLButtonElement} button */
export function switchColours(button) {
	const { dataset } = document.documentElement;
	const isDark = () => (dataset.theme ?? (system.matches ? 'dark' : 'light')) === 'dark';
	const show = () => {
		button.setAttribute('aria-pressed', String(isDark()));
		button.replaceChildren(iconOf(isDark() ? 'light' : 'dark'));
	};
	button.addEventListener('click', () => {
		dataset.theme = isDark() ? 'light' : 'dark';
		localStorage.setItem('arc2face-theme', dataset.theme);
		show();
	});
	system.addEventListener('change', show);
	show();
}
