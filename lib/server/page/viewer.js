// A portrait at full size: how it was made, and what can be done with it.
import { found, headingOf, iconButton, make, save } from './dom.js';
import { fileNameOf } from './gallery.js';
import { similarity } from './identity.js';

/**
 * @param {{
 *   portrait: object,
 *   identify: (picture: Blob) => Promise<number[]>,
 *   neighbour: (by: -1 | 1) => object | undefined,
 *   onStep: (portrait: object) => void,
 *   onUse: () => void,
 *   onCompare: () => void,
 *   onDelete: () => void,
 * }} how - `neighbour` gives the portrait beside it
 */
export function showPortrait({ portrait, identify, neighbour, onStep, onUse, onCompare, onDelete }) {
	const dialog = found('viewer');
	const { seed, recipe, blob, embedding, warnings } = portrait;
	const { options } = recipe;
	const image = make('img', { alt: `Portrait, seed ${seed}`, src: URL.createObjectURL(blob) });
	image.onload = () => URL.revokeObjectURL(image.src);
	const likeness = make('dd', {}, '…');
	const rows = [
		...[['Seed', seed], ['Sampler', options.sampler], ['Steps', options.steps], ['Guidance', options.guidanceScale]], // biome-ignore format: one line
		['Size', `${options.width} × ${options.height}`],
	].map(([name, value]) => make('div', {}, make('dt', {}, name), make('dd', {}, String(value))));
	const act = (text, onclick) => make('button', { type: 'button', onclick }, text);
	const leaving = (then) => () => {
		dialog.close();
		then();
	};
	const recipeFile = () => new Blob([JSON.stringify(recipe, undefined, '\t')], { type: 'application/json' });
	const step = (by) => {
		const next = neighbour(by);
		if (next !== undefined) onStep(next);
	};
	const stepping = (icon, name, by) => {
		const button = iconButton(icon, name, () => step(by));
		button.disabled = neighbour(by) === undefined;
		return button;
	};
	dialog.replaceChildren(
		headingOf(dialog, 'Portrait'),
		make(
			'div',
			{ className: 'stack' },
			make(
				'div',
				{ className: 'large' },
				stepping('previous', 'The portrait before', -1),
				image,
				stepping('next', 'The next portrait', 1),
			),
			make('dl', {}, ...rows, make('div', {}, make('dt', {}, 'Likeness'), likeness)),
			...warnings.map(({ message }) => make('p', { className: 'quiet' }, message)),
			make(
				'div',
				{ className: 'row' },
				act('Download', () => save(blob, fileNameOf(portrait))),
				act('Recipe', () => save(recipeFile(), `portrait-${seed}.recipe.json`)),
				act('Use seed and options', leaving(onUse)),
				act('Compare', leaving(onCompare)),
				act('Delete', leaving(onDelete)),
			),
			make(
				'p',
				{ className: 'quiet' },
				'A recipe paints the portrait again. It holds the identity, which is biometric data of a person.',
			),
		),
	);
	dialog.onkeydown = ({ key }) => {
		if (key === 'ArrowLeft') step(-1);
		if (key === 'ArrowRight') step(1);
	};
	dialog.onclose = () => dialog.replaceChildren();
	if (!dialog.open) dialog.showModal();
	identify(blob).then(
		(itself) => {
			likeness.textContent = `${similarity(itself, embedding).toFixed(2)} to the person`;
		},
		() => {
			likeness.textContent = 'no face was found in it';
		},
	);
}
