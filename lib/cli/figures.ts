// An evaluation's figures on the command line.
import type { Figure } from '../evaluation/evidence.ts';
import { figureNames, written, writtenInterval } from '../evaluation/figure-names.ts';
import type { FigureName } from '../evaluation/figures.ts';
import { paperRow } from '../evaluation/paper.ts';
import { table } from './table.ts';

/** Each beside those of photos and the paper's; below, why some are missing or mean little, but for networks that are not there. */
export function figuresText(figures: Readonly<Record<FigureName, Figure>>): string {
	const names = Object.keys(figureNames) as FigureName[];
	const rows = names.map((name) => {
		const naming = figureNames[name];
		const { value, photos } = figures[name];
		const number = (one: number | null | undefined) => (one === null || one === undefined ? '' : written(one, naming));
		const interval = writtenInterval(figures[name], naming) ?? '';
		return [
			naming.title,
			value === null ? '-' : number(value),
			interval,
			number(photos),
			number(paperRow.figures[name]),
		];
	});
	const notes = names.flatMap((name) => {
		const { value, missing, lacksNetwork, warnings } = figures[name];
		if (lacksNetwork) return []; // told before
		const texts = value === null && missing !== undefined ? [missing] : warnings;
		return texts.map((text) => ({ title: figureNames[name].title, text }));
	});
	const texts = [...new Set(notes.map(({ text }) => text))];
	const told = texts.map((text) => {
		const titles = notes.filter((note) => note.text === text).map(({ title }) => title);
		return `${titles.join(', ')}: ${text}`;
	});
	return [
		table(['figure', 'value', '95 %', 'photos', paperRow.name], rows),
		...(told.length > 0 ? ['', ...told] : []),
	].join('\n');
}
