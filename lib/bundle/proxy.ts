// Fetches through the proxies that HTTPS_PROXY and HTTP_PROXY name, except for the hosts in NO_PROXY.
import { EnvHttpProxyAgent } from 'undici';
import { Arc2FaceError } from '../errors.ts';

export type Agent = EnvHttpProxyAgent;

/**
 * Node's own fetch does not support proxies before Node.js 24. `destroy` closes the connections.
 *
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` when a variable is not the URL of a proxy
 */
export function openAgent(env: NodeJS.ProcessEnv = process.env): Agent {
	return new EnvHttpProxyAgent({
		httpProxy: proxyOf(env, 'HTTP_PROXY') ?? '',
		httpsProxy: proxyOf(env, 'HTTPS_PROXY') ?? '',
		noProxy: env.no_proxy || env.NO_PROXY || '',
		// Many proxies tunnel only TLS and forward other requests.
		proxyTunnel: false,
	});
}

/** Whether the environment names a proxy. */
export function namesProxy(env: NodeJS.ProcessEnv = process.env): boolean {
	return ['HTTP_PROXY', 'HTTPS_PROXY'].some((name) => env[name.toLowerCase()] || env[name]);
}

function proxyOf(env: NodeJS.ProcessEnv, upper: string): string | undefined {
	const name = env[upper.toLowerCase()] ? upper.toLowerCase() : upper;
	const value = env[name];
	if (!value) return undefined;
	// Without `http://`, which curl accepts too.
	const url = value.includes('://') ? value : `http://${value}`;
	if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url;
	// Not the value, which may contain a password.
	throw new Arc2FaceError('INVALID_ARGUMENT', `Expected the URL of an http or https proxy for ${name}.`, {
		remedy: `Let ${name} be such as http://proxy.example:3128, or unset it.`,
		details: { variable: name },
	});
}
