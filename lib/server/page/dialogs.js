// What opens over the page: a portrait at full size, the likeness of two pictures, the question for a key.
import { found, iconButton, make, save } from './dom.js';
import { fileNameOf } from './gallery.js';
import { similarity } from './identity.js';
import { showProblem } from './problems.js';

function heading(id, text, dialog) {
	return make(
		'div',
		{ className: 'heading' },
		make('h2', { id }, text),
		iconButton('close', 'Close', () => dialog.close()),
	);
}

/** @param {{ portrait: object, api: object, onUse: (recipe: object) => void, onDelete: () => void }} how */
export function showPortrait({ portrait, api, onUse, onDelete }) {
	const dialog = found('viewer');
	const { seed, recipe, blob, embedding } = portrait;
	const { options } = recipe;
	const image = make('img', { alt: `Portrait, seed ${seed}`, src: URL.createObjectURL(blob) });
	const likeness = make('dd', {}, '…');
	const rows = [
		...[
			['Seed', String(seed)],
			['Sampler', options.sampler],
			['Steps', String(options.steps)],
			['Guidance', String(options.guidanceScale)],
		],
		['Size', `${options.width} × ${options.height}`],
	].flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, value)]);
	const act = (text, onclick) => make('button', { type: 'button', onclick }, text);
	const recipeFile = () => new Blob([JSON.stringify(recipe, undefined, '\t')], { type: 'application/json' });
	dialog.replaceChildren(
		heading('viewer-title', 'Portrait', dialog),
		make(
			'div',
			{ className: 'stack' },
			image,
			make('dl', {}, ...rows, make('dt', {}, 'Likeness'), likeness),
			make(
				'div',
				{ className: 'row' },
				act('Download', () => save(blob, fileNameOf(portrait))),
				act('Recipe', () => save(recipeFile(), `portrait-${seed}.recipe.json`)),
				act('Use seed and options', () => {
					onUse({ seed, ...options });
					dialog.close();
				}),
				act('Delete', () => {
					onDelete();
					dialog.close();
				}),
			),
			make(
				'p',
				{ className: 'quiet' },
				'A recipe paints the portrait again. It holds the identity, which is biometric data of a person.',
			),
		),
	);
	dialog.onclose = () => {
		URL.revokeObjectURL(image.src);
		dialog.replaceChildren();
	};
	dialog.showModal();
	api.identify(blob).then(
		({ identity }) => {
			likeness.textContent = `${similarity(identity.embedding, embedding).toFixed(2)} to the person`;
		},
		() => {
			likeness.textContent = 'no face was found in it';
		},
	);
}

/** Compares two pictures that are chosen, or portraits of the history. */
export function showComparison({ api, portraits }) {
	const dialog = found('comparison');
	const trouble = make('div');
	const result = make('div', { role: 'status' });
	const chosen = [undefined, undefined];
	const compare = async () => {
		showProblem(trouble);
		if (chosen.includes(undefined)) return;
		result.replaceChildren('Comparing…');
		try {
			const [a, b] = await Promise.all(chosen.map(async (photo) => (await api.identify(photo)).identity.embedding));
			const likeness = similarity(a, b);
			const meter = make('meter', { min: 0, max: 1, value: Math.max(0, likeness), 'aria-label': 'Likeness' });
			const note = 'Cosine of the two identities: 1 is the same, 0 is nobody in particular.';
			result.replaceChildren(
				make('p', {}, make('strong', {}, likeness.toFixed(2))),
				meter,
				make('p', { className: 'quiet' }, note),
			);
		} catch (error) {
			result.replaceChildren();
			showProblem(trouble, error);
		}
	};
	const side = (index, name) => {
		const image = make('img', { alt: name });
		const take = (photo) => {
			URL.revokeObjectURL(image.src);
			chosen[index] = photo;
			image.src = URL.createObjectURL(photo);
			compare();
		};
		const id = `compare-${index}`;
		const input = make('input', {
			id,
			type: 'file',
			accept: 'image/*',
			onchange: () => input.files[0] && take(input.files[0]),
		});
		const options = portraits.map(({ seed }, place) => make('option', { value: place }, `Portrait ${seed}`));
		const select = make(
			'select',
			{ 'aria-label': `${name}: a portrait` },
			make('option', { value: '' }, 'or a portrait'),
			...options,
		);
		select.onchange = () => select.value !== '' && take(portraits[Number(select.value)].blob);
		return make('figure', {}, image, make('label', { for: id }, name), input, portraits.length > 0 && select);
	};
	dialog.replaceChildren(
		heading('comparison-title', 'Compare likeness', dialog),
		make(
			'div',
			{ className: 'stack' },
			make('div', { className: 'pair' }, side(0, 'One picture'), side(1, 'Another')),
			result,
			trouble,
		),
	);
	dialog.onclose = () => dialog.replaceChildren();
	dialog.showModal();
}

/** @returns {Promise<string | undefined>} the key that was typed */
export async function askForKey(problem) {
	const dialog = found('key');
	if (dialog.open) return undefined;
	let given;
	const input = make('input', { id: 'key-input', type: 'password', required: true, autocomplete: 'off' });
	const form = make(
		'form',
		{ method: 'dialog' },
		make('p', { className: 'quiet' }, problem.message),
		make('div', { className: 'field' }, make('label', { for: 'key-input' }, 'API key'), input),
		make('p', { className: 'quiet' }, 'It is kept until this tab is closed.'),
		make('button', { className: 'main' }, 'Use it'),
	);
	form.onsubmit = () => {
		given = input.value.trim();
	};
	dialog.replaceChildren(heading('key-title', 'This server asks for a key', dialog), form);
	dialog.showModal();
	await new Promise((closed) => dialog.addEventListener('close', closed, { once: true }));
	dialog.replaceChildren();
	return given || undefined;
}
