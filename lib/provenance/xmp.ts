// The XMP of a file: that its image was generated, and by what, in the IPTC's words.
import { DOMParser } from '@xmldom/xmldom';
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

/** Whatever the form: RDF lets properties be attributes or elements. @returns undefined for what is no XMP */
export function readXmp(packet: string): XmpSource | undefined {
	try {
		const xml = new DOMParser({ onError: stop }).parseFromString(packet, 'text/xml');
		const descriptions = Array.from(xml.getElementsByTagNameNS(namespaces.rdf, 'Description'));
		const value = (namespace: string, name: string) => {
			for (const one of descriptions) {
				const inside = one.getElementsByTagNameNS(namespace, name)[0];
				const told = [
					one.getAttributeNS(namespace, name),
					inside?.getAttributeNS(namespaces.rdf, 'resource'),
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

/** Of warnings there are none that matter here. */
function stop(level: 'warning' | 'error' | 'fatalError', message: string): void {
	if (level !== 'warning') throw new Error(message);
}
