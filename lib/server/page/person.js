// A person, by a photo that is dropped, chosen, pasted or taken, and the face in it.
import { takePhoto } from './camera.js';
import { iconOf, make } from './dom.js';
import { fitting } from './pictures.js';
import { showProblem } from './problems.js';

export class Person {
	/** For the page. */
	element = make('div', { className: 'person' });
	/** 512 numbers; undefined until a face was read. */
	embedding;
	/** @type {Blob | undefined} */
	photo;
	/** Which person this is, for people. */
	name;
	#api;
	#limits;
	#onChange;
	#trouble = make('div');
	#work = new AbortController();

	/**
	 * @param {{ api: import('./api.js').Api, limits: object, name: string, onChange: () => void }} how - `name` tells people which person this is
	 */
	constructor({ api, limits, name, onChange }) {
		this.#api = api;
		this.#limits = limits;
		this.name = name;
		this.#onChange = onChange;
		this.#takeDropped();
		this.#ask();
	}

	/** @param {Blob} photo */
	async take(photo) {
		await this.#read(async () => {
			this.photo = await fitting(photo, this.#limits);
		});
	}

	clear() {
		this.#work.abort();
		this.#forget();
		this.#ask();
		this.element.querySelector('button').focus();
	}

	#forget() {
		this.photo = undefined;
		this.embedding = undefined;
		this.element.removeAttribute('aria-busy');
		showProblem(this.#trouble);
		this.#onChange();
	}

	/**
	 * Reads who is on the photo, in place of what was read before.
	 *
	 * @param {() => Promise<void>} prepare - what comes first
	 * @param {number} [face] - which one; the largest unless told
	 */
	async #read(prepare, face) {
		this.#work.abort();
		this.#work = new AbortController();
		const { signal } = this.#work;
		this.embedding = undefined;
		this.element.setAttribute('aria-busy', 'true');
		showProblem(this.#trouble);
		this.#onChange();
		try {
			await prepare();
			this.#show([], undefined, ['Looking for faces…']);
			const answer = await this.#api.identify(this.photo, { face, signal });
			this.embedding = answer.identity.embedding;
			this.#show(answer.faces, answer.face.index ?? 0, tellings(answer));
			this.element.removeAttribute('aria-busy');
			this.#onChange();
		} catch (error) {
			// Another photo or face has taken its place.
			if (signal.aborted) return;
			this.#forget();
			this.#ask();
			showProblem(this.#trouble, error);
		}
	}

	#ask() {
		const input = make('input', { type: 'file', accept: 'image/*', hidden: true });
		input.onchange = () => input.files[0] && this.take(input.files[0]);
		const choose = make('button', { type: 'button', onclick: () => input.click() }, iconOf('photo'), 'Choose a photo');
		const camera = make('button', { type: 'button' }, iconOf('camera'), 'Camera');
		camera.onclick = async () => {
			try {
				const photo = await takePhoto();
				if (photo !== undefined) await this.take(photo);
			} catch (error) {
				showProblem(this.#trouble, error);
			}
		};
		const drop = make(
			'div',
			{ className: 'drop', role: 'group', 'aria-label': this.name },
			make('p', {}, `Drop or paste a photo of ${this.name}`),
			make('div', { className: 'row' }, choose, camera),
			input,
		);
		this.element.replaceChildren(drop, this.#trouble);
	}

	#takeDropped() {
		const { element } = this;
		element.ondragover = (event) => {
			event.preventDefault();
			element.classList.add('over');
		};
		element.ondragleave = () => element.classList.remove('over');
		element.ondrop = (event) => {
			event.preventDefault();
			event.stopPropagation();
			element.classList.remove('over');
			const [file] = event.dataTransfer.files;
			if (file !== undefined) this.take(file);
		};
	}

	/** The photo, with its faces to choose from. */
	#show(faces, chosen, tellings) {
		const picture = make('img', { alt: `Photo of ${this.name}`, src: URL.createObjectURL(this.photo) });
		const frame = make('div', { className: 'photo' }, picture);
		picture.onload = () => {
			URL.revokeObjectURL(picture.src);
			const { naturalWidth: width, naturalHeight: height } = picture;
			for (const [index, { box }] of faces.entries()) {
				const button = make('button', { type: 'button', className: 'face', 'aria-pressed': index === chosen });
				button.setAttribute('aria-label', faces.length === 1 ? 'The face' : `Face ${index + 1} of ${faces.length}`);
				button.style.left = `${(100 * Math.max(0, box.x)) / width}%`;
				button.style.top = `${(100 * Math.max(0, box.y)) / height}%`;
				button.style.width = `${(100 * Math.min(box.width, width)) / width}%`;
				button.style.height = `${(100 * Math.min(box.height, height)) / height}%`;
				button.onclick = () => index !== chosen && this.#read(async () => {}, index);
				frame.append(button);
			}
		};
		const another = make('button', { type: 'button', className: 'link' }, 'Take another photo');
		another.onclick = () => this.clear();
		const said = make('div', { className: 'quiet', role: 'status' }, ...tellings.map((text) => make('p', {}, text)));
		this.element.replaceChildren(frame, said, another, this.#trouble);
	}
}

/** Doubts about a face, in fewer words than a program gets. */
const doubts = {
	UNSURE_FACE: 'It may be no face, or hidden or blurred: look at its outline.',
	SMALL_FACE: 'The face is small, so portraits may be less alike.',
	TURNED_FACE: 'The face was found with the photo turned: if that is wrong, turn the photo upright.',
	CUT_FACE: 'The face reaches the edge of the photo, so portraits may be less alike.',
};

/** What a person should know of what was found. */
function tellings({ faces, warnings }) {
	const doubtful = warnings.flatMap(({ code }) => doubts[code] ?? []);
	return faces.length > 1 ? [`${faces.length} faces: choose whose portraits to paint.`, ...doubtful] : doubtful;
}
