// A client: who makes a request, and how much of what it may ask for.
import { integer, type Rule } from '../../options/check.ts';

/** Undefined: as the server has it for everybody. */
export type ClientLimits = Readonly<{
	/** Requests in a minute. */
	requestsPerMinute?: number | undefined;
	/** Images in a day; with 0 a client only looks, such as at metrics. */
	imagesPerDay?: number | undefined;
}>;

export type Client = Readonly<{
	/** As logs and jobs have it. */
	name: string;
	limits: ClientLimits;
}>;

/** Everybody, where no keys are asked for. */
export const anonymous: Client = { name: 'anonymous', limits: {} };

export const clientRules = {
	name: {
		expected: `a name of 1 to 64 letters, digits, ".", "_" and "-", other than ${anonymous.name},`,
		fits: (value) => typeof value === 'string' && /^[\w.-]{1,64}$/.test(value) && value !== anonymous.name,
	},
	requestsPerMinute: integer(1, 1_000_000),
	imagesPerDay: integer(0, 1_000_000_000),
} as const satisfies Record<string, Rule>;
