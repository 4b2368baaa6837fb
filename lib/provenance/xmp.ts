// The XMP of a file: that its image was generated, and by what, in the IPTC's words.
import { DOMParser, type Element } from '@xmldom/xmldom';
import { generator } from './source-type.ts';

const namespaces = {
	meta: 'adobe:ns:meta/',
	rdf: 'http://www.w3.org/1999/02/22-rdf-syntax-ns#',
	xmp: 'http://ns.adobe.com/xap/1.0/',
	iptc: 'http://iptc.org/std/Iptc4xmpExt/2008-02-29/',
} as const;

/** What a file's XMP says of where its image comes from. */
export type XmpSource = Readonly<{ sourceType: string | undefined; creatorTool: string | undefined }>;

/** The same for the same image: there is no time in it. */
export function xmpOf(sourceType: string): string {
	const { meta, rdf, xmp, iptc } = namespaces;
	return (
		`<x:xmpmeta xmlns:x="${meta}"><rdf:RDF xmlns:rdf="${rdf}">` +
		`<rdf:Description rdf:about="" xmlns:xmp="${xmp}" xmlns:Iptc4xmpExt="${iptc}" ` +
		`xmp:CreatorTool="${generator()}" Iptc4xmpExt:DigitalSourceType="${sourceType}"/></rdf:RDF></x:xmpmeta>`
	);
}

/**
 * Whatever the form: RDF lets properties be attributes or elements. Looks only where they may be, not at all that is in an element, which takes minutes
 * where elements lie in elements by the thousands.
 *
 * @returns undefined for what is no XMP
 */
export function readXmp(packet: string): XmpSource | undefined {
	try {
		const root = new DOMParser({ onError: stop }).parseFromString(packet, 'text/xml').documentElement;
		const { rdf } = namespaces;
		const descriptions = [root, ...elementsIn(root)]
			.filter((one) => isNamed(one, rdf, 'RDF'))
			.flatMap(elementsIn)
			.filter((one) => isNamed(one, rdf, 'Description'));
		const value = (namespace: string, name: string) => {
			for (const one of descriptions) {
				const inside = elementsIn(one).find((property) => isNamed(property, namespace, name));
				const told = [
					one.getAttributeNS(namespace, name),
					inside?.getAttributeNS(rdf, 'resource'),
					inside?.textContent?.trim(),
				];
				const [found] = told.filter(Boolean);
				if (found) return found;
			}
			return undefined;
		};
		return {
			sourceType: value(namespaces.iptc, 'DigitalSourceType'),
			creatorTool: value(namespaces.xmp, 'CreatorTool'),
		};
	} catch {
		return undefined;
	}
}

function elementsIn(node: Element | null): Element[] {
	return Array.from(node?.childNodes ?? []).filter((one): one is Element => one.nodeType === one.ELEMENT_NODE);
}

function isNamed(node: Element | null, namespace: string, name: string): boolean {
	return node?.namespaceURI === namespace && node.localName === name;
}

/** Of warnings there are none that matter here. */
function stop(level: 'warning' | 'error' | 'fatalError', message: string): void {
	if (level !== 'warning') throw new Error(message);
}
