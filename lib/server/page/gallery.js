// Portraits side by side: those that are being painted, then those of this browser's history, the newest first.
import { iconButton, make, save } from './dom.js';

/** A name for its file. */
export function fileNameOf({ seed, blob }) {
	return `portrait-${seed}.${blob.type.slice('image/'.length)}`;
}

export class Gallery {
	#place;
	#onOpen;
	#onDelete;

	/** @param {{ place: Element, onOpen: (portrait: object) => void, onDelete: (portrait: object) => void }} how */
	constructor({ place, onOpen, onDelete }) {
		this.#place = place;
		this.#onOpen = onOpen;
		this.#onDelete = onDelete;
	}

	get isEmpty() {
		return this.#place.childElementCount === 0;
	}

	/** But those that are being painted. */
	clear() {
		for (const card of this.#place.querySelectorAll('.portrait:not(.painting)')) card.remove();
	}

	/** Adds one of the history, at the end. */
	append(portrait) {
		this.#place.append(this.#card(portrait));
	}

	remove({ id }) {
		const card = this.#place.querySelector(`[data-id="${id}"]`);
		if (card === null) return; // all were deleted meanwhile
		const beside = card.nextElementSibling ?? card.previousElementSibling;
		const hasFocus = card.contains(document.activeElement);
		card.remove();
		if (hasFocus) (beside?.querySelector('button') ?? this.#place.parentElement).focus();
	}

	/**
	 * Places for portraits that are being painted, before all others.
	 *
	 * @returns by index: shows a preview, puts the finished one in its place, or takes the empty ones away
	 */
	begin(count) {
		const cards = Array.from({ length: count }, () =>
			make('div', { className: 'portrait painting' }, make('div', { className: 'look' }, 'Painting…')),
		);
		// As the history has them: the last is the newest.
		this.#place.prepend(...cards.toReversed());
		const urls = cards.map(() => undefined);
		const forget = (index) => urls[index] && URL.revokeObjectURL(urls[index]);
		return {
			preview: (index, blob) => {
				forget(index);
				urls[index] = URL.createObjectURL(blob);
				cards[index].firstChild.replaceChildren(make('img', { src: urls[index], alt: 'Preview' }));
			},
			finish: (index, portrait) => {
				forget(index);
				cards[index].replaceWith(this.#card(portrait));
				cards[index] = undefined;
			},
			end: () => {
				for (const [index, card] of cards.entries()) {
					forget(index);
					card?.remove();
				}
			},
		};
	}

	#card(portrait) {
		const image = make('img', { alt: '', src: URL.createObjectURL(portrait.blob), loading: 'lazy' });
		image.onload = () => URL.revokeObjectURL(image.src);
		const look = make('button', { type: 'button', className: 'look' }, image);
		look.setAttribute('aria-label', `Portrait, seed ${portrait.seed}: look at it`);
		look.onclick = () => this.#onOpen(portrait);
		const bar = make(
			'div',
			{ className: 'bar' },
			make('span', {}, `${portrait.seed}`),
			iconButton('download', `Download portrait ${portrait.seed}`, () => save(portrait.blob, fileNameOf(portrait))),
			iconButton('delete', `Delete portrait ${portrait.seed}`, () => this.#onDelete(portrait)),
		);
		return make('div', { className: 'portrait', 'data-id': portrait.id }, look, bar);
	}
}
