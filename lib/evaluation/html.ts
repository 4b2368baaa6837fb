// Puts HTML together: what is not HTML already is escaped.

export class Html {
	constructor(readonly text: string) {}
}

type Part = string | number | Html | undefined | readonly (Html | undefined)[];

/** Strings and numbers among the parts become text; undefined, nothing. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
	return new Html(String.raw({ raw: strings }, ...parts.map(textOf)));
}

function textOf(part: Part): string {
	if (part === undefined) return '';
	if (part instanceof Html) return part.text;
	if (typeof part === 'object') return part.map(textOf).join('\n');
	return String(part).replace(/[&<>"']/g, (character) => escapes[character]!);
}

const escapes: Readonly<Record<string, string>> = {
	'&': '&amp;',
	'<': '&lt;',
	'>': '&gt;',
	'"': '&quot;',
	"'": '&#39;',
};
