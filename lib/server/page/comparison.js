// How alike two pictures are: photos of the people on the page, portraits, or files.
import { found, headingOf, make } from './dom.js';
import { similarity } from './identity.js';
import { showProblem } from './problems.js';

/** More would be small print. */
const mostShown = 24;

/** @typedef {{ name: string, blob: Blob }} Picture */

/**
 * @param {{
 *   pictures: readonly Picture[],
 *   chosen: readonly (Picture | undefined)[],
 *   identify: (picture: Blob) => Promise<number[]>,
 * }} how - those to choose from, and the two that are chosen at first
 */
export function showComparison({ pictures, chosen: first, identify }) {
	const dialog = found('comparison');
	const trouble = make('div');
	const result = make('div', { role: 'status', className: 'result' });
	const chosen = [undefined, undefined];
	const compare = async () => {
		showProblem(trouble);
		result.replaceChildren();
		const pair = [...chosen];
		if (pair.includes(undefined)) return;
		try {
			const [a, b] = await Promise.all(pair.map(({ blob }) => identify(blob)));
			// Another may have been chosen meanwhile.
			if (pair.every((picture, index) => picture === chosen[index])) result.replaceChildren(...told(similarity(a, b)));
		} catch (error) {
			showProblem(trouble, error);
		}
	};
	const sides = ['One picture', 'Another'].map((name, index) =>
		side(name, {
			...{ pictures: pictures.slice(0, mostShown), chosen: first[index] },
			onChoose: (picture) => {
				chosen[index] = picture;
				compare();
			},
		}),
	);
	dialog.replaceChildren(
		headingOf(dialog, 'Compare likeness'),
		make('div', { className: 'stack' }, make('div', { className: 'pair' }, ...sides), result, trouble),
	);
	dialog.onclose = () => dialog.replaceChildren();
	dialog.showModal();
}

function told(likeness) {
	return [
		make('p', {}, make('strong', {}, likeness.toFixed(2))),
		make('meter', { min: 0, max: 1, value: Math.max(0, likeness), 'aria-label': 'Likeness' }),
		make('p', { className: 'quiet' }, 'Cosine of the two identities: 1 is the same, about 0 is somebody else.'),
	];
}

function side(name, { pictures, chosen, onChoose }) {
	const large = make('div', { className: 'chosen' }, make('span', { className: 'quiet' }, 'Choose a picture'));
	const choose = (picture) => {
		large.replaceChildren(pictureOf(picture, picture.name));
		onChoose(picture);
	};
	const choices = pictures.map((picture) => {
		const isChosen = picture === chosen;
		const input = make('input', { type: 'radio', name, className: 'unseen', checked: isChosen });
		input.setAttribute('aria-label', picture.name);
		input.onchange = () => choose(picture);
		return make('label', { title: picture.name }, input, pictureOf(picture, ''));
	});
	const file = make('input', { type: 'file', accept: 'image/*', className: 'unseen', 'aria-label': `${name}: a file` });
	file.onchange = () => file.files[0] && choose({ name: file.files[0].name, blob: file.files[0] });
	if (chosen !== undefined) choose(chosen);
	return make(
		'fieldset',
		{ className: 'side' },
		make('legend', {}, name),
		large,
		choices.length > 0 && make('div', { className: 'strip' }, ...choices),
		make('label', { className: 'button' }, file, 'Choose a file'),
	);
}

function pictureOf({ blob }, alt) {
	const image = make('img', { alt, src: URL.createObjectURL(blob) });
	image.onload = () => URL.revokeObjectURL(image.src);
	return image;
}
