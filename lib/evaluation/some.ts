// Names in messages, of which there may be thousands.
import { shortened } from '../errors.ts';

const most = 3;

/** `anna/1.jpg, anna/2.jpg, berta/1.jpg and 4 more` */
export function someOf(names: readonly string[]): string {
	const more = names.length > most ? ` and ${names.length - most} more` : '';
	return `${names
		.slice(0, most)
		.map((name) => shortened(name))
		.join(', ')}${more}`;
}
