// A person, by a photo that is dropped, chosen, pasted or taken, and the face in it.
import { takePhoto } from './camera.js';
import { iconButton, iconOf, make } from './dom.js';
import { fitting } from './pictures.js';
import { showProblem } from './problems.js';

export class Person {
	/** For the page. */
	element = make('div', { className: 'person' });
	/** 512 numbers; undefined until a face was read. */
	embedding;
	#api;
	#limits;
	#onChange;
	#name;
	#photo;
	#trouble = make('div');
	#work = new AbortController();

	/**
	 * @param {{ api: import('./api.js').Api, limits: object, name: string, onChange: () => void }} how - `name` tells people which person this is
	 */
	constructor({ api, limits, name, onChange }) {
		this.#api = api;
		this.#limits = limits;
		this.#name = name;
		this.#onChange = onChange;
		this.#ask();
	}

	/** @param {Blob} photo */
	async take(photo) {
		await this.#try(async () => {
			this.#photo = await fitting(photo, this.#limits);
			await this.#read(undefined);
		});
	}

	clear() {
		this.#work.abort();
		this.#photo = undefined;
		this.embedding = undefined;
		showProblem(this.#trouble);
		this.#ask();
		this.#onChange();
	}

	async #try(work) {
		showProblem(this.#trouble);
		this.element.setAttribute('aria-busy', 'true');
		try {
			await work();
		} catch (error) {
			this.embedding = undefined;
			this.#ask();
			this.element.append(this.#trouble);
			showProblem(this.#trouble, error);
			this.#onChange();
		} finally {
			this.element.removeAttribute('aria-busy');
		}
	}

	/** @param {number | undefined} face - which one */
	async #read(face) {
		this.#work.abort();
		this.#work = new AbortController();
		const { signal } = this.#work;
		this.#show([], undefined);
		const answer = await this.#api.identify(this.#photo, { face, signal });
		this.embedding = answer.identity.embedding;
		this.#show(answer.faces, answer.face.index ?? 0);
		this.#onChange();
	}

	#ask() {
		const input = make('input', { type: 'file', accept: 'image/*', hidden: true });
		input.onchange = () => input.files[0] && this.take(input.files[0]);
		const choose = make('button', { type: 'button', onclick: () => input.click() }, iconOf('photo'), 'Choose a photo');
		const camera = make('button', { type: 'button' }, iconOf('camera'), 'Camera');
		camera.onclick = () =>
			this.#try(async () => {
				const photo = await takePhoto();
				if (photo !== undefined) await this.take(photo);
			});
		const drop = make(
			'div',
			{ className: 'drop', role: 'group', 'aria-label': this.#name },
			make('p', {}, `Drop or paste a photo of ${this.#name}`),
			make('div', { className: 'row' }, choose, camera),
			input,
		);
		drop.ondragover = (event) => {
			event.preventDefault();
			drop.classList.add('over');
		};
		drop.ondragleave = () => drop.classList.remove('over');
		drop.ondrop = (event) => {
			event.preventDefault();
			drop.classList.remove('over');
			const [file] = event.dataTransfer.files;
			if (file !== undefined) this.take(file);
		};
		this.element.replaceChildren(drop);
	}

	/** The photo, with its faces to choose from. */
	#show(faces, chosen) {
		const picture = make('img', { alt: `Photo of ${this.#name}`, src: URL.createObjectURL(this.#photo) });
		const frame = make(
			'div',
			{ className: 'photo' },
			picture,
			iconButton('close', 'Take another photo', () => this.clear()),
		);
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
				button.onclick = () => index !== chosen && this.#try(() => this.#read(index));
				frame.append(button);
			}
		};
		const hint =
			faces.length > 1 && make('p', { className: 'quiet' }, `${faces.length} faces: choose whose portraits to paint.`);
		const reading = chosen === undefined && make('p', { className: 'quiet', role: 'status' }, 'Looking for faces…');
		this.element.replaceChildren(frame, hint || reading || '', this.#trouble);
	}
}
