// How portraits are painted: fields for what the model has.
import { iconButton, iconOf, make } from './dom.js';
import { cropped, dataUrl, fitting } from './pictures.js';

let ids = 0;

/** A slider with its value beside it. */
function slider(label, { min, max, step = 1, value, unit = '' }) {
	const id = `option-${++ids}`;
	const input = make('input', { id, type: 'range', min, max, step, value });
	const output = make('output', { for: id });
	const show = () => {
		output.value = `${input.value}${unit}`;
	};
	input.oninput = show;
	show();
	const set = (number) => {
		input.value = number;
		show();
	};
	const element = make('div', { className: 'field' }, make('label', { for: id }, label), output, input);
	return { element, input, set, get value() { return Number(input.value); } }; // biome-ignore format: one line
}

function choice(label, names, value) {
	const id = `option-${++ids}`;
	const select = make(
		'select',
		{ id },
		...names.map(([name, text]) => make('option', { value: name, selected: name === value }, text)),
	);
	return { element: make('div', { className: 'field' }, make('label', { for: id }, label), select), select };
}

function photoField(label, hint) {
	const id = `option-${++ids}`;
	const input = make('input', { id, type: 'file', accept: 'image/*' });
	const element = make(
		'div',
		{ className: 'field' },
		make('label', { for: id }, label),
		make('div', { className: 'row' }, input),
		make('p', { className: 'quiet' }, hint),
	);
	const clear = () => {
		input.value = '';
		input.onchange?.();
	};
	return { element, input, clear, photo: () => input.files[0] };
}

const presetTexts = { draft: 'Draft', standard: 'Standard', best: 'Best' };

export class Options {
	#model;
	#count = slider('Portraits', { min: 1, max: 12, value: 4 });
	#preset;
	#steps;
	#guidance;
	#format = choice('File', [['png', 'PNG'], ['jpeg', 'JPEG'], ['webp', 'WebP'], ['avif', 'AVIF']], 'png'); // biome-ignore format: one line
	#seed = make('input', { type: 'number', min: 0, max: Number.MAX_SAFE_INTEGER, step: 1, id: 'seed' });
	#isLocked = false;
	#lock = make('button', { type: 'button', className: 'plain icon' });
	#pose;
	#expression;
	#expressionScale;
	#reference;
	#image;
	#strength;

	/** @param {Element} place @param {object} model - as /v1/models tells it */
	constructor(place, model) {
		this.#model = model;
		this.#count.input.max = Math.min(12, model.limits.images);
		this.#preset = choice(
			'Quality',
			Object.keys(model.presets).map((name) => [name, presetTexts[name] ?? name]),
			'standard',
		);
		this.#steps = slider('Steps', { min: 1, max: 100, value: model.defaults.steps });
		this.#guidance = slider('Guidance', { min: 1, max: 10, step: 0.1, value: model.defaults.guidanceScale });
		this.#preset.select.onchange = () => {
			const { steps, guidanceScale } = model.presets[this.#preset.select.value];
			this.#steps.set(steps);
			this.#guidance.set(guidanceScale);
		};
		this.#lock.onclick = () => this.lock(!this.#isLocked);
		this.roll();
		this.lock(false);
		const has = (feature) => model.features.includes(feature);
		place.replaceChildren(this.#count.element, this.#preset.element, this.#seedField());
		if (has('expression')) place.append(...this.#expressionFields());
		if (has('control')) place.append(this.#poseFields());
		const more = make(
			'details',
			{},
			make('summary', {}, 'More'),
			this.#steps.element,
			this.#guidance.element,
			this.#format.element,
		);
		if (has('reference')) more.append(this.#referenceField());
		if (has('edit')) more.append(...this.#editFields());
		place.append(more);
	}

	/** A new seed. */
	roll() {
		this.#seed.value = Math.floor(Math.random() * 2 ** 31);
	}

	/** Whether the seed stays for the next portraits. */
	lock(isLocked) {
		this.#isLocked = isLocked;
		this.#lock.setAttribute('aria-pressed', String(isLocked));
		const name = 'Keep the seed';
		this.#lock.setAttribute('aria-label', name);
		this.#lock.title = name;
		this.#lock.replaceChildren(iconOf(isLocked ? 'lock' : 'unlock'));
	}

	/**
	 * Sets the fields as they were for a portrait, so that it comes again of the same person. Photos that it was painted by were not kept.
	 *
	 * @param {{ seed: number, how: object }} portrait - `how` as {@link request} gave it
	 */
	use({ seed, how: { preset, steps, guidanceScale, format, control, expression = '', expressionScale = 1 } }) {
		const chosen = this.#model.presets[preset];
		this.#preset.select.value = preset;
		this.#steps.set(steps ?? chosen.steps);
		this.#guidance.set(guidanceScale ?? chosen.guidanceScale);
		this.#format.select.value = format;
		for (const [name, { set }] of Object.entries(this.#pose ?? {})) set(control?.pose[name] ?? 0);
		if (this.#expression) {
			this.#expression.select.value = expression;
			this.#expression.select.onchange();
			this.#expressionScale.set(expressionScale);
		}
		for (const photo of [this.#reference, this.#image]) photo?.clear();
		this.#count.set(1);
		this.#seed.value = seed;
		this.lock(true);
	}

	/** The body of a request, without who is painted. Rolls the dice for the next one, unless the seed is kept. */
	async request() {
		const model = this.#model;
		if (this.#seed.value === '') this.roll();
		const { value: preset } = this.#preset.select;
		const chosen = model.presets[preset];
		const [steps, guidanceScale] = [this.#steps.value, this.#guidance.value];
		const body = {
			...{ count: this.#count.value, preset, seed: Number(this.#seed.value), format: this.#format.select.value },
			...(steps !== chosen.steps && { steps }),
			...(guidanceScale !== chosen.guidanceScale && { guidanceScale }),
		};
		const pose = this.#pose && Object.fromEntries(Object.entries(this.#pose).map(([name, { value }]) => [name, value]));
		if (pose && Object.values(pose).some((angle) => angle !== 0)) body.control = { pose };
		if (this.#expression?.select.value) {
			body.expression = this.#expression.select.value;
			body.expressionScale = this.#expressionScale.value;
		}
		const reference = this.#reference?.photo();
		if (reference) body.reference = { photo: await dataUrl(await fitting(reference, model.limits)) };
		const image = this.#image?.photo();
		if (image) {
			body.image = await dataUrl(await cropped(image, model.imageSize));
			body.strength = this.#strength.value / 100;
		}
		if (!this.#isLocked) this.roll();
		return body;
	}

	#seedField() {
		return make(
			'div',
			{ className: 'field' },
			make('label', { for: 'seed' }, 'Seed'),
			make(
				'div',
				{ className: 'row' },
				this.#seed,
				iconButton('dice', 'Roll a new seed', () => this.roll()),
				this.#lock,
			),
		);
	}

	#expressionFields() {
		const names = this.#model.expressions.map((name) => [name, name[0].toUpperCase() + name.slice(1)]);
		this.#expression = choice('Expression', [['', 'As it comes'], ...names], '');
		this.#expressionScale = slider('Strength of the expression', { min: 0, max: 2, step: 0.1, value: 1 });
		this.#expressionScale.element.hidden = true;
		this.#expression.select.onchange = () => {
			this.#expressionScale.element.hidden = this.#expression.select.value === '';
		};
		return [this.#expression.element, this.#expressionScale.element];
	}

	#poseFields() {
		this.#pose = {
			yaw: slider('Turn', { min: -60, max: 60, step: 5, value: 0, unit: '°' }),
			pitch: slider('Nod', { min: -40, max: 40, step: 5, value: 0, unit: '°' }),
			roll: slider('Lean', { min: -40, max: 40, step: 5, value: 0, unit: '°' }),
		};
		const fields = Object.values(this.#pose).map(({ element }) => element);
		const straight = make('button', { type: 'button', className: 'link' }, 'As it comes');
		straight.onclick = () => {
			for (const { set } of Object.values(this.#pose)) set(0);
		};
		return make('details', {}, make('summary', {}, 'Pose'), ...fields, straight);
	}

	#referenceField() {
		this.#reference = photoField('Look of another photo', 'Light, backdrop and clothes of this photo.');
		return this.#reference.element;
	}

	#editFields() {
		this.#image = photoField('Begin as a photo', 'Portraits begin as it, and are painted over it.');
		this.#strength = slider('How much is painted over', { min: 5, max: 100, step: 5, value: 80, unit: ' %' });
		this.#strength.element.hidden = true;
		this.#image.input.onchange = () => {
			this.#strength.element.hidden = this.#image.photo() === undefined;
		};
		return [this.#image.element, this.#strength.element];
	}
}
