// Certificates as text.
import { X509Certificate } from 'node:crypto';

/**
 * Those in a text, in its order; what is around them does not matter.
 *
 * @throws of Node's, for a block that is no certificate
 * @internal
 */
export function certificatesInPem(pem: string): X509Certificate[] {
	const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
	return blocks.map((block) => new X509Certificate(block));
}
