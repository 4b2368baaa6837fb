// Elements, made and found.

/**
 * @param {string} tag
 * @param {Record<string, unknown>} properties - attributes where the name has a dash, or is `for` or `role`; else properties
 * @param {...(Node | string | undefined | false)} children
 */
export function make(tag, properties = {}, ...children) {
	const element = document.createElement(tag);
	for (const [name, value] of Object.entries(properties)) {
		if (value === undefined) continue;
		if (name.includes('-') || name === 'for' || name === 'role') element.setAttribute(name, String(value));
		else element[name] = value;
	}
	element.append(...children.filter((child) => child !== undefined && child !== false));
	return element;
}

/** The element of the page with this id. */
export function found(id) {
	return document.getElementById(id);
}

/** A drawing of index.html. */
export function iconOf(name) {
	const space = 'http://www.w3.org/2000/svg';
	const svg = document.createElementNS(space, 'svg');
	svg.setAttribute('aria-hidden', 'true');
	const use = document.createElementNS(space, 'use');
	use.setAttribute('href', `#icon-${name}`);
	svg.append(use);
	return svg;
}

/** A button that shows a drawing, and says its name. */
export function iconButton(icon, name, onclick) {
	return make(
		'button',
		{ type: 'button', className: 'plain icon', 'aria-label': name, title: name, onclick },
		iconOf(icon),
	);
}

/** Has the browser save something. */
export function save(content, name) {
	const url = URL.createObjectURL(content);
	make('a', { href: url, download: name }).click();
	// Not before the browser has begun to read it.
	setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** The first line of a dialog: what it is, and how to close it. */
export function headingOf(dialog, text) {
	return make(
		'div',
		{ className: 'heading' },
		make('h2', { id: `${dialog.id}-title` }, text),
		iconButton('close', 'Close', () => dialog.close()),
	);
}
