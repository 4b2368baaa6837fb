// What pages of reports have in common: one HTML file that needs nothing else, with a head, sections and links to these.
import { Html, html } from './html.ts';
import { pageStyle } from './page-style.ts';

/** Left out without content. */
export type Section = readonly [id: string, name: string, content: Html | undefined];

export type Frame = Readonly<{
	title: string;
	/** What it is about, in a line. */
	lead: Html;
	/** ISO 8601. */
	made: string;
	warnings: readonly string[];
	sections: readonly Section[];
	footer: string;
	/** More rules than those of every page. */
	style?: string;
}>;

export function pageFrame({ title, lead, made, warnings, sections, footer, style = '' }: Frame): string {
	const shown = sections.filter(([, , content]) => content !== undefined);
	return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<link rel="icon" href="data:,">
<title>${title}</title>
<style>${new Html(pageStyle + style)}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<p class="lead">${lead} <time datetime="${made}">${made.slice(0, 10)}</time></p>
<nav aria-label="Sections"><ul>${shown.map(([id, name]) => html`<li><a href="#${id}">${name}</a></li>`)}</ul></nav>
${
	warnings.length === 0
		? undefined
		: html`<section class="warnings" aria-labelledby="mind"><h2 id="mind">Before you read on</h2><ul>${warnings.map((one) => html`<li>${one}</li>`)}</ul></section>`
}
</header>
<main>
${shown.map(([id, name, content]) => html`<section id="${id}" aria-labelledby="h-${id}"><h2 id="h-${id}">${name}</h2>${content}</section>`)}
</main>
<footer><p>${footer}</p></footer>
</body>
</html>
`.text;
}

/** Wide content scrolls by itself, also by keyboard. */
export function scrolling(name: string, content: Html): Html {
	return html`<div class="scroll" role="region" aria-label="${name}" tabindex="0">${content}</div>`;
}
